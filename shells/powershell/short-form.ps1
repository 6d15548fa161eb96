Microsoft.PowerShell.Management\Remove-Item -LiteralPath 'Alias:/__NAME__' -Force -ErrorAction Ignore
function global:__NAME__ {
    if ($MyInvocation.ExpectingInput) {
        $input | __cs_run '__FAMILY__' '__COMMAND__' @args
    } else {
        __cs_run '__FAMILY__' '__COMMAND__' @args
    }
}
