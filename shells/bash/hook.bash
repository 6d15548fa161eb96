# shellcheck shell=bash
#
# Bindings: what a directory is bound to is used while the shell is in it.

# Asks cs, if it could have something to say: something may be bound here, or end here.
function __cs_hook {
    __cs_pwd=${PWD}
    if [[ ${CS_SAVED-} == '1;bind='* || ${__cs_memory-} == *';'* ]] || __cs_bound; then
        # What fails has been said, and is no reason to end a shell with -e.
        __cs_change __FAMILY__ __hook || \builtin true
    fi
}

# Before each prompt. Hands the status on.
function __cs_prompt {
    \builtin local __cs_status=$?
    if [[ ${__cs_pwd-} != "${PWD}" ]]; then __cs_hook; fi
    \builtin return "${__cs_status}"
}

# Adds that to PROMPT_COMMAND once, however often this is read.
function __cs_at_prompt {
    \builtin local __cs_command
    for __cs_command in "${PROMPT_COMMAND[@]-}"; do
        if [[ ";${__cs_command};" == *[\;[:space:]]__cs_prompt[\;[:space:]]* ]]; then \builtin return 0; fi
    done
    # Where it may be an array (bash 5.1), bash keeps $? and PIPESTATUS from one element to the next.
    if ((BASH_VERSINFO[0] > 5 || (BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] >= 1))); then
        PROMPT_COMMAND+=(__cs_prompt)
        \builtin return 0
    fi
    # In a string ours comes last. Two `;` in a row would be an error: what stands at its end goes.
    __cs_command=${PROMPT_COMMAND-}
    while [[ ${__cs_command} == *[\;[:space:]] ]]; do __cs_command=${__cs_command%?}; done
    # shellcheck disable=SC2178 # before bash 5.1 it is no array
    PROMPT_COMMAND="${__cs_command:+${__cs_command};}__cs_prompt"
}
__cs_at_prompt
