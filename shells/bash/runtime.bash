# shellcheck shell=bash
# shellcheck disable=SC2050,SC2193 # names are compared below that are constants in each copy
#
# The functions of cs for bash 3.2 and newer, as `cs init bash` prints them.

# Runs cs: __cs_call FAMILY WORDS…, where FAMILY is what people call it by. Its status is that of cs.
function __cs_call {
    # \builtin: an alias would be baked in here, when the function is defined.
    # In the function and not global: nothing the shell does later can change or lose it.
    \builtin local __cs_program='{__CS_PROGRAM__}' __cs_family=${1}
    \builtin shift
    # For this call only: who is calling, and what this shell remembers.
    # No `command` in front: bash looks a path up nowhere, and reads no alias in a quoted word.
    CS_SHELL="bash:1:$$:${__cs_family}" CS_MEMORY="${__cs_memory-}" "${__cs_program}" "$@"
}

# What the function that people call does.
function __cs_run {
    case ${2-} in
    use | off | cd) __cs_change "$@" ;;
    bind | allow | deny)
        __cs_call "$@" || \builtin return
        # What is bound here may be another thing now.
        if \builtin declare -F __cs_hook >/dev/null; then __cs_hook; fi
        ;;
    *) __cs_call "$@" ;;
    esac
}

# Runs cs and then the code that it prints, in this shell: whole, or not at all.
function __cs_change {
    \builtin local __cs_code __cs_trial=''
    __cs_code=$(__cs_call "$@") || \builtin return
    case ${__cs_code} in
    '#cs:1'*) ;;
    '') \builtin return 0 ;;
    *)
        # Help, or what is said where there is nothing to change.
        \builtin printf '%s\n' "${__cs_code}"
        \builtin return 0
        ;;
    esac
    # A variable that is read-only would end it half-way: so it is tried first, where nothing lasts.
    if [[ ${2-} != cd ]]; then
        __cs_trial=1
        if ! (\builtin eval "${__cs_code}") >/dev/null; then
            \builtin printf 'cs: a variable cannot be changed, so none was\n' >&2
            \builtin return 1
        fi
        __cs_trial=''
    fi
    \builtin eval "${__cs_code}"
}

# Says what was done, once it is.
function __cs_say {
    [[ -n ${__cs_trial-} ]] || \builtin printf 'cs: %s\n' "${1}" >&2
}

# Whether a binding could hold in this directory, so that cs has to be asked. Starts no process.
function __cs_bound {
    \builtin local __cs_here=${PWD} __cs_line __cs_remote='' __cs_up
    \builtin local __cs_list="${CS_HOME:-${XDG_DATA_HOME:-${HOME-}/.local/share}/cs}/bindings.paths"
    # Upwards by `..`, as the kernel does it: PWD may hold links.
    while [[ -d ${__cs_here} ]]; do
        if [[ -e ${__cs_here}/.cs.toml ]]; then \builtin return 0; fi
        if [[ ${__cs_here} -ef / ]]; then \builtin break; fi
        __cs_here=${__cs_here}/..
    done
    if ! [[ -s ${__cs_list} && -r ${__cs_list} ]]; then \builtin return 1; fi
    while IFS= \builtin read -r __cs_line || [[ -n ${__cs_line} ]]; do
        if [[ ${__cs_line} == '*' ]]; then
            __cs_remote=1
            \builtin continue
        fi
        __cs_here=${PWD}
        while [[ -d ${__cs_here} ]]; do
            if [[ ${__cs_here} -ef ${__cs_line} ]]; then \builtin return 0; fi
            if [[ ${__cs_here} -ef / ]]; then \builtin break; fi
            __cs_here=${__cs_here}/..
        done
    done <"${__cs_list}"
    __cs_up=${PWD}
    while [[ -n ${__cs_remote} && -d ${__cs_up} ]]; do
        if [[ -e ${__cs_up}/.git ]]; then \builtin return 0; fi
        if [[ ${__cs_up} -ef / ]]; then \builtin break; fi
        __cs_up=${__cs_up}/..
    done
    \builtin return 1
}
