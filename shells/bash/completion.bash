# Completion for bash 3.2 and newer: cs says what fits where the cursor is. Nothing else is needed
# for it, such as the package bash-completion.

function __cs_complete {
    # In the function and not global: nothing the shell does later can change or lose it.
    \builtin local __cs_program='{__CS_PROGRAM__}'
    # IFS: lines are split below, whatever the user's is.
    \builtin local IFS=$'\n' at breaks i last line options prefix reply rest typed word words
    # Before 4.3 the cursor is counted in bytes.
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 403)); then
        \builtin local LC_ALL=C
    fi
    COMPREPLY=()

    # bash has cut the line at every character of COMP_WORDBREAKS too, such as the = of --profile=work:
    # what no blank stands between in the line is put together again, as far as the cursor.
    at=()
    words=()
    line=${COMP_LINE:0:COMP_POINT}
    for ((i = 0; i <= COMP_CWORD; i++)); do
        rest=${line#"${line%%[![:space:]]*}"}
        word=${COMP_WORDS[i]-}
        ((i < COMP_CWORD)) || word=${rest}
        if ((i > 0)) && [[ ${rest} == "${line}" ]]; then
            words[last]+=${word}
        else
            last=${#words[@]}
            at[last]=${i}
            words[last]=${word}
        fi
        line=${rest#"${word}"}
    done
    # What is offered needs no quotes: those that were typed are readline's.
    typed=${words[last]}
    words[last]=${typed//[\"\']/}
    # readline replaces only what follows the last break.
    breaks=${COMP_WORDBREAKS-}
    breaks=${breaks//[!=:@]/}
    prefix=
    if [[ -n ${breaks} && ${words[last]} == *["${breaks}"]* ]]; then
        prefix=${words[last]%"${words[last]##*["${breaks}"]}"}
    fi

    # No alias is read in a quoted word, and `builtin command` passes functions by.
    reply=$(\builtin command "${__cs_program}" __complete bash __FAMILY__ "${last}" -- "${words[@]}" 2>/dev/null) ||
        reply=
    case ${reply} in
    :dirs*) __cs_complete_paths -d "${reply#*$'\t'}" ;;
    :files*) __cs_complete_paths -f "${reply#*$'\t'}" ;;
    :command*)
        i=${reply##*[!0-9]}
        reply=
        # Where bash-completion is there, it completes any command line.
        IFS=$' \t\n'
        if \builtin declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset "${at[i]}"
        elif \builtin declare -F _command_offset >/dev/null; then
            _command_offset "${at[i]}"
        elif ((i < last)) || [[ ${typed} == */* ]]; then
            __cs_complete_paths -f ''
        else
            IFS=$'\n'
            reply=$(\builtin compgen -c -- "${words[last]}") || reply=
        fi
        ;;
    *) ;;
    esac

    # 3.2 has no mapfile. -f: among the names of commands is [.
    if [[ ${reply} != :* && -n ${reply} ]]; then
        options=$-
        \builtin set -f
        # shellcheck disable=SC2206 # to be split
        COMPREPLY=(${reply})
        [[ ${options} == *f* ]] || \builtin set +f
        # One by one: 3.2 would make one word of "${COMPREPLY[@]#...}".
        for ((i = 0; i < ${#COMPREPLY[@]} && ${#prefix} > 0; i++)); do
            COMPREPLY[i]=${COMPREPLY[i]#"${prefix}"}
        done
    fi
}

# Files (-f) or directories (-d), in the word that __cs_complete has found; the prefix $2 of the word
# stays. By readline itself, which knows ~, quotes and its user's settings, where it can be asked.
function __cs_complete_paths {
    \builtin local kept=${2#"${prefix}"} native=default path value
    [[ $1 != -d ]] || native=dirnames
    if [[ -z ${kept} ]] && \builtin compopt -o filenames -o "${native}" 2>/dev/null; then
        \builtin return 0
    fi
    value=${words[last]#"$2"}
    while \builtin read -r path; do
        [[ -n ${path} ]] || \builtin continue
        # readline closes a quote itself; ~ is none of a name.
        if [[ ${typed} != *[\"\']* ]]; then
            \builtin printf -v path %q "${path}"
            path=${path/#\\~/\~}
        fi
        COMPREPLY[${#COMPREPLY[@]}]=${kept}${path}
    done <<<"$(\builtin compgen "$1" -- "${value//\\/}" || \builtin true)"
    # No blank after the only one, as it may be a directory to look into.
    if ((${#COMPREPLY[@]} == 1)) && ! \builtin compopt -o nospace 2>/dev/null; then
        COMPREPLY[1]=${COMPREPLY[0]}/
    fi
}

# Where nobody is at the shell there is no Tab. nosort, which bash knows since 4.4: names before verbs.
