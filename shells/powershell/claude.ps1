# claude: in a shell that uses a session or profile, or where one is bound, as that. Otherwise, the
# program itself. A function or alias of yours of that name is left alone.

function global:__cs_claude {
    if (${Env:CS_PROFILE} -or (__cs_bound)) {
        if ($MyInvocation.ExpectingInput) {
            $input | __cs_call '__FAMILY__' '__claude' @args
        } else {
            __cs_call '__FAMILY__' '__claude' @args
        }
    } else {
        # -CommandType: the program, whatever function has its name.
        $__cs_found = @(Microsoft.PowerShell.Core\Get-Command -Name 'claude' -CommandType Application, ExternalScript -ErrorAction Ignore)
        if ($__cs_found.Count -eq 0) {
            Microsoft.PowerShell.Utility\Write-Error 'claude is not installed, or not on the PATH'
            $global:LASTEXITCODE = 127
        } elseif ($MyInvocation.ExpectingInput) {
            $input | & $__cs_found[0] @args
        } else {
            & $__cs_found[0] @args
        }
    }
}

if (-not (Microsoft.PowerShell.Management\Test-Path -LiteralPath 'Function:/claude')) {
    function global:claude {
        if ($MyInvocation.ExpectingInput) {
            $input | __cs_claude @args
        } else {
            __cs_claude @args
        }
    }
}
