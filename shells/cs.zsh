# The functions of cs for zsh 5.0 and newer, as `cs init zsh` prints them.
#
# zsh reads all of this before it runs the first line, so an alias cannot be taken away in time to
# keep it out of what follows: a word that somebody may well have an alias for is quoted.

# Runs cs with the arguments as they are; its status is the function's.
function __cs_run {
    # The user's options (KSH_ARRAYS, SH_WORD_SPLIT, NO_UNSET, GLOB_SUBST, ...) end at this line.
    \builtin emulate -L zsh
    # In the function and not global: nothing the shell does later can change or lose it.
    \builtin local __cs_program='{__CS_PROGRAM__}'
    # CS_SHELL is for this call only: it says that cs is called through its function.
    # A quoted path is looked up nowhere, and is no suffix alias as a bare one could be.
    CS_SHELL=zsh "${__cs_program}" "$@"
}
