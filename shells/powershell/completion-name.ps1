Microsoft.PowerShell.Core\Register-ArgumentCompleter -Native -CommandName '__NAME__' -ScriptBlock {
    __cs_complete $args[0] $args[1] $args[2]
}
