# The functions of cs for zsh 5.0 and newer, as `cs init zsh` prints them.
#
# zsh reads all of this before it runs the first line, so an alias cannot be taken away in time to
# keep it out of what follows: a word that somebody may well have an alias for is quoted.

# Runs cs: __cs_call FAMILY WORDS…, where FAMILY is what people call it by. Its status is that of cs.
function __cs_call {
    # The user's options (KSH_ARRAYS, SH_WORD_SPLIT, NO_UNSET, GLOB_SUBST, ...) end at this line.
    \builtin emulate -L zsh
    # In the function and not global: nothing the shell does later can change or lose it.
    \builtin local __cs_program='{__CS_PROGRAM__}' __cs_family="${1}"
    \builtin shift
    # For this call only: who is calling, and what this shell remembers.
    # A quoted path is looked up nowhere, and is no suffix alias as a bare one could be.
    CS_SHELL="zsh:1:$$:${__cs_family}" CS_MEMORY="${__cs_memory-}" "${__cs_program}" "$@"
}

# What the function that people call does. Here the user's options hold: the code that `cs cd` brings
# changes the directory as they say.
function __cs_run {
    case "${2-}" in
        ('use'|'off'|'cd') __cs_change "$@" ;;
        ('bind'|'allow'|'deny')
            __cs_call "$@" || \builtin return
            # What is bound here may be another thing now.
            if \builtin typeset -f __cs_hook >/dev/null; then __cs_hook; fi
            ;;
        (*) __cs_call "$@" ;;
    esac
}

# Runs cs and then the code that it prints, in this shell: whole, or not at all.
function __cs_change {
    \builtin local __cs_code __cs_trial=''
    __cs_code="$(__cs_call "$@")" || \builtin return
    case "${__cs_code}" in
        ('#cs:1'*) ;;
        ('') \builtin return 0 ;;
        (*)
            # Help, or what is said where there is nothing to change.
            \builtin print -r -- "${__cs_code}"
            \builtin return 0
            ;;
    esac
    # A variable that is read-only would end it half-way: so it is tried first, where nothing lasts.
    if [[ "${2-}" != 'cd' ]]; then
        __cs_trial=1
        if ! (\builtin eval "${__cs_code}") >/dev/null; then
            \builtin print -r -- 'cs: a variable cannot be changed, so none was' >&2
            \builtin return 1
        fi
        __cs_trial=''
    fi
    \builtin eval "${__cs_code}"
}

# Says what was done, once it is.
function __cs_say {
    [[ -n "${__cs_trial-}" ]] || \builtin print -r -- "cs: ${1}" >&2
}

# Whether a binding could hold in this directory, so that cs has to be asked. Starts no process.
function __cs_bound {
    \builtin emulate -L zsh
    # With its links resolved: that is how directories are bound.
    \builtin local __cs_here="${PWD:A}" __cs_line __cs_remote=''
    \builtin local __cs_list="${CS_HOME:-${XDG_DATA_HOME:-${HOME-}/.local/share}/cs}/bindings.paths"
    if [[ -s "${__cs_list}" && -r "${__cs_list}" ]]; then
        while IFS= \builtin read -r __cs_line || [[ -n "${__cs_line}" ]]; do
            if [[ "${__cs_line}" == '*' ]]; then
                __cs_remote=1
            elif [[ "${__cs_here%/}/" == "${__cs_line%/}/"* ]]; then
                \builtin return 0
            fi
        done <"${__cs_list}"
    fi
    while \builtin true; do
        if [[ -e "${__cs_here%/}/.cs.toml" || ( -n "${__cs_remote}" && -e "${__cs_here%/}/.git" ) ]]; then
            \builtin return 0
        fi
        if [[ "${__cs_here}" != /?* ]]; then \builtin return 1; fi
        __cs_here="${__cs_here%/*}"
    done
}
