# Bindings: what a directory is bound to is used while the shell is in it.

# Asks cs, if it could have something to say: something may be bound here, or end here.
function global:__cs_hook {
    $__cs_used = ([string]${Env:CS_SAVED}).StartsWith('1;bind=', [System.StringComparison]::Ordinal)
    if ($__cs_used -or $global:__cs_memory.Contains(';') -or (__cs_bound)) {
        __cs_change '__FAMILY__' '__hook'
    }
}

# Before each prompt: where the directory has changed. Hands $LASTEXITCODE on.
function global:__cs_at_prompt {
    $__cs_here = (Microsoft.PowerShell.Management\Get-Location -PSProvider FileSystem).ProviderPath
    if ($global:__cs_pwd -cne $__cs_here) {
        $global:__cs_pwd = $__cs_here
        $__cs_code = Microsoft.PowerShell.Utility\Get-Variable -Name 'LASTEXITCODE' -Scope Global -ValueOnly -ErrorAction Ignore
        __cs_hook
        $global:LASTEXITCODE = $__cs_code
    }
}

# Once, however often this is read.
if (([string]${Function:prompt}).Contains('__cs_at_prompt') -eq $false) {
    $global:__cs_pwd = ''
    $global:__cs_prompt_before = ${Function:prompt}
    function global:prompt {
        $__cs_fine = $?
        __cs_at_prompt
        # What the prompt before may look at is as it was: $? cannot be set, only be made.
        if (-not $__cs_fine) {
            Microsoft.PowerShell.Utility\Write-Error '' -ErrorAction Ignore
        }
        & $global:__cs_prompt_before
    }
}
