# The functions of cs for fish 3.1 and newer, as `cs init fish` prints them.

# Its status is that of cs.
function __cs_run --description 'Run cs with the arguments as they are'
    # In the function and not global: nothing the shell does later can change or lose it.
    set -l __cs_program '{__CS_PROGRAM__}'
    # CS_SHELL is for this call only: it says that cs is called through its function.
    CS_SHELL=fish command $__cs_program $argv
end
