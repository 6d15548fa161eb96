# shellcheck shell=bash
# shellcheck disable=SC2050,SC2193 # names are compared below that are constants in each copy
#
# The functions of cs for bash 3.2 and newer, as `cs init bash` prints them.

# Runs cs with the arguments as they are; its status is the function's.
function __cs_run {
    # \builtin: an alias would be baked in here, when the function is defined.
    # In the function and not global: nothing the shell does later can change or lose it.
    \builtin local __cs_program='{__CS_PROGRAM__}'
    # CS_SHELL is for this call only: it says that cs is called through its function.
    # No `command` in front: bash looks a path up nowhere, and reads no alias in a quoted word.
    CS_SHELL=bash "${__cs_program}" "$@"
}
