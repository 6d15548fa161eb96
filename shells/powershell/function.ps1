# The function that people call; its short forms follow.
# An alias of that name would hide it (-Force: it may be read-only).
Microsoft.PowerShell.Management\Remove-Item -LiteralPath 'Alias:/__NAME__' -Force -ErrorAction Ignore
function global:__NAME__ {
    if ($MyInvocation.ExpectingInput) {
        $input | __cs_run '__NAME__' @args
    } else {
        __cs_run '__NAME__' @args
    }
}
