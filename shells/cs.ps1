# The functions of cs for Windows PowerShell 5.1 and PowerShell 7, as `cs init powershell` prints them.
#
# ASCII only: Windows PowerShell reads what a program prints in the code page of the console.

# Runs cs with the arguments as they are; $LASTEXITCODE is its status.
# PowerShell takes the first bare -- of a call to any function for itself: write it '--' to hand it on.
# A simple function: with a CmdletBinding attribute, -d or -v would be read as -Debug or -Verbose.
function global:__cs_run {
    $__cs_program = '{__CS_PROGRAM__}'
    # For this call only: it says that cs is called through its function.
    $__cs_before = ${Env:CS_SHELL}
    ${Env:CS_SHELL} = 'powershell'
    try {
        # A function has to hand the pipeline on by itself, and only if there is one: else cs would
        # find an empty input in place of the terminal.
        if ($MyInvocation.ExpectingInput) {
            $input | & $__cs_program @args
        } else {
            & $__cs_program @args
        }
    } finally {
        # $null, where it was not set, removes it.
        ${Env:CS_SHELL} = $__cs_before
    }
}
