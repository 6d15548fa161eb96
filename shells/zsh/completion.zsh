# Completion for zsh 5.0 and newer: cs says what fits where the cursor is.

# No `emulate` in these two: compsys has set the options it needs, and with others a match is listed
# but not inserted.
function __cs_complete {
    # In the function and not global: nothing the shell does later can change or lose it.
    \builtin local __cs_program='{__CS_PROGRAM__}'
    \builtin local field
    \builtin local -a lines
    # What was typed, as far as the cursor, quotes taken off. `command`: the program of that name, also
    # where a function has it.
    lines=("${(@f)$(\builtin command "${__cs_program}" __complete 'zsh' '__FAMILY__' "$((CURRENT - 1))" -- \
        "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    [[ -n "${lines[1]}" ]] || \builtin return 1
    field=${lines[1]#*$'\t'}
    case "${lines[1]}" in
        ':dirs'*)
            [[ -z "${field}" ]] || \builtin compset -P "${field}"
            \_files -/
            ;;
        ':files'*)
            [[ -z "${field}" ]] || \builtin compset -P "${field}"
            \_files
            ;;
        ':command'*)
            words=("${(@)words[field+1,-1]}")
            CURRENT=$((CURRENT - field))
            \_normal
            ;;
        *)
            # An empty line parts names from verbs. In one group zsh would make as many columns for the
            # verbs as there are names about which the same is said.
            field=${lines[(ie)]}
            __cs_complete_add 'names' "${(@)lines[1,field-1]}"
            __cs_complete_add 'commands' "${(@)lines[field+1,-1]}"
            ;;
    esac
    # How many fit decides whether another completer is asked.
    [[ ${compstate[nmatches]} != 0 ]]
}

# Adds lines to the group $1, in their order.
function __cs_complete_add {
    \builtin local group=$1
    \builtin local -a described names
    # A colon ends the word for _describe, which is slow where there is much.
    described=("${(@)${(@M)@[2,-1]:#*$'\t'*}/$'\t'/:}")
    names=("${(@)@[2,-1]:#*$'\t'*}")
    [[ -z "${names[1]}" ]] || \builtin compadd -V "${group}" -a 'names'
    [[ -z "${described[1]}" ]] || \_describe -t "${group}" "${group}" 'described' -V "${group}"
}

# Completes the command $1 from now on; where compsys is not set up yet, from the prompt on at which
# it is.
function __cs_complete_for {
    \builtin emulate -L zsh
    if \builtin typeset -f compdef >/dev/null; then
        \compdef __cs_complete "$1"
    elif [[ -o interactive ]]; then
        \builtin typeset -gaU __cs_complete_names
        __cs_complete_names+=("$1")
        # Once, however often this is sourced.
        \builtin typeset -ga precmd_functions
        precmd_functions=("${(@)precmd_functions:#__cs_complete_later}" __cs_complete_later)
    fi
}

function __cs_complete_later {
    \builtin emulate -L zsh
    \builtin typeset -f compdef >/dev/null || \builtin return 0
    precmd_functions=("${(@)precmd_functions:#__cs_complete_later}")
    \compdef __cs_complete "${__cs_complete_names[@]}"
    \builtin unset __cs_complete_names
}
