# Bindings: what a directory is bound to is used while the shell is in it.

# Asks cs, if it could have something to say: something may be bound here, or end here.
function __cs_hook {
    if [[ "${CS_SAVED-}" == '1;bind='* || "${__cs_memory-}" == *';'* ]] || __cs_bound; then
        # What fails has been said, and is no reason to end a shell with ERR_EXIT.
        __cs_change '__FAMILY__' __hook || \builtin true
    fi
}

# When the directory has changed. Hands the status on; $_ zsh sets itself, after this.
function __cs_chpwd {
    \builtin local __cs_status="$?"
    __cs_hook
    \builtin return "${__cs_status}"
}

# Before the first prompt, for the directory that the shell began in, and then no more.
function __cs_first {
    \builtin local __cs_status="$?"
    \builtin emulate -L zsh
    precmd_functions=("${(@)precmd_functions:#__cs_first}")
    __cs_hook
    \builtin return "${__cs_status}"
}

# Has zsh call them, once, however often this is read. In a function, for its options: with KSH_ARRAYS
# and NO_UNSET an empty array is an error.
function __cs_at_prompt {
    \builtin emulate -L zsh
    \builtin typeset -ga precmd_functions chpwd_functions
    precmd_functions=("${(@)precmd_functions:#__cs_first}" __cs_first)
    chpwd_functions=("${(@)chpwd_functions:#__cs_chpwd}" __cs_chpwd)
}
__cs_at_prompt
