# The functions of cs for Windows PowerShell 5.1 and PowerShell 7, as `cs init powershell` prints them.
#
# ASCII only: Windows PowerShell reads what a program prints in the code page of the console.

# Runs cs: __cs_call FAMILY WORDS, where FAMILY is what people call it by. $LASTEXITCODE is its status.
# PowerShell takes the first bare -- of a call to any function for itself: write it '--' to hand it on.
# A simple function: with a CmdletBinding attribute, -d or -v would be read as -Debug or -Verbose.
function global:__cs_call {
    $__cs_program = '{__CS_PROGRAM__}'
    $__cs_words = @($args | Microsoft.PowerShell.Utility\Select-Object -Skip 1)
    # For this call only: who is calling, and what this shell remembers.
    $__cs_before = ${Env:CS_SHELL}, ${Env:CS_MEMORY}
    ${Env:CS_SHELL} = 'powershell:1:' + $PID + ':' + $args[0]
    ${Env:CS_MEMORY} = $global:__cs_memory
    try {
        # A function has to hand the pipeline on by itself, and only if there is one: else cs would
        # find an empty input in place of the terminal.
        if ($MyInvocation.ExpectingInput) {
            $input | & $__cs_program @__cs_words
        } else {
            & $__cs_program @__cs_words
        }
    } finally {
        # $null, where it was not set, removes it.
        ${Env:CS_SHELL} = $__cs_before[0]
        ${Env:CS_MEMORY} = $__cs_before[1]
    }
}

# What the function that people call does.
function global:__cs_run {
    $__cs_verb = ''
    if ($args.Count -gt 1) {
        $__cs_verb = [string]$args[1]
    }
    if (@('use', 'off', 'cd') -ccontains $__cs_verb) {
        __cs_change @args
    } elseif (@('bind', 'allow', 'deny') -ccontains $__cs_verb) {
        __cs_call @args
        if ($LASTEXITCODE -eq 0) {
            # What is bound here may be another thing now.
            if (Microsoft.PowerShell.Management\Test-Path -LiteralPath 'Function:/__cs_hook') {
                __cs_hook
                $global:LASTEXITCODE = 0
            }
        }
    } elseif ($MyInvocation.ExpectingInput) {
        $input | __cs_call @args
    } else {
        __cs_call @args
    }
}

# Runs cs and then the code that it prints, in this shell.
function global:__cs_change {
    $__cs_code = @(__cs_call @args) -join "`n"
    if ($LASTEXITCODE -ne 0) {
        return
    }
    if ($__cs_code.StartsWith('#cs:1', [System.StringComparison]::Ordinal)) {
        Microsoft.PowerShell.Utility\Invoke-Expression $__cs_code
    } elseif ($__cs_code -ne '') {
        # Help, or what is said where there is nothing to change.
        Microsoft.PowerShell.Utility\Write-Output $__cs_code
    }
}

# Says what was done.
function global:__cs_say {
    [System.Console]::Error.WriteLine('cs: ' + $args[0])
}

# Whether a binding could hold in this directory, so that cs has to be asked. Starts no process.
function global:__cs_bound {
    $__cs_here = (Microsoft.PowerShell.Management\Get-Location -PSProvider FileSystem).ProviderPath
    $__cs_root = ${Env:CS_HOME}
    if (-not $__cs_root) {
        if (${Env:LOCALAPPDATA}) {
            $__cs_root = [System.IO.Path]::Combine(${Env:LOCALAPPDATA}, 'cs')
        } elseif (${Env:XDG_DATA_HOME}) {
            $__cs_root = [System.IO.Path]::Combine(${Env:XDG_DATA_HOME}, 'cs')
        } else {
            $__cs_root = [System.IO.Path]::Combine([string]${Env:HOME}, '.local', 'share', 'cs')
        }
    }
    $__cs_list = [System.IO.Path]::Combine($__cs_root, 'bindings.paths')
    $__cs_remote = $false
    if ([System.IO.File]::Exists($__cs_list)) {
        foreach ($__cs_line in [System.IO.File]::ReadAllLines($__cs_list)) {
            if ($__cs_line -eq '*') {
                $__cs_remote = $true
                continue
            }
            # Windows resolves links to a path that begins with \\?\.
            $__cs_line = ($__cs_line -replace '^\\\\\?\\', '').TrimEnd('/', '\')
            $__cs_rest = $__cs_here.TrimEnd('/', '\')
            if ($__cs_rest.StartsWith($__cs_line, [System.StringComparison]::OrdinalIgnoreCase)) {
                $__cs_rest = $__cs_rest.Substring($__cs_line.Length)
                if ($__cs_rest -eq '' -or $__cs_rest[0] -eq '/' -or $__cs_rest[0] -eq '\') {
                    return $true
                }
            }
        }
    }
    while ($__cs_here) {
        if ([System.IO.File]::Exists([System.IO.Path]::Combine($__cs_here, '.cs.toml'))) {
            return $true
        }
        $__cs_git = [System.IO.Path]::Combine($__cs_here, '.git')
        if ($__cs_remote -and ([System.IO.File]::Exists($__cs_git) -or [System.IO.Directory]::Exists($__cs_git))) {
            return $true
        }
        $__cs_here = [System.IO.Path]::GetDirectoryName($__cs_here)
    }
    return $false
}

# What this shell remembers for cs. Kept, where this is read again.
if (-not (Microsoft.PowerShell.Management\Test-Path -LiteralPath 'Variable:global:__cs_memory')) {
    $global:__cs_memory = ''
}
