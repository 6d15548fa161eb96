# shellcheck shell=bash
#
# claude: in a shell that uses a session or profile, or where one is bound, as that. Otherwise, and as
# `command claude` always, the program itself. A function of yours of that name is left alone, and an
# alias of yours works as before.

function __cs_claude {
    if [[ -n ${CS_PROFILE-} ]] || __cs_bound; then
        __cs_call __FAMILY__ __claude "$@"
    else
        \builtin command claude "$@"
    fi
}

if ! \builtin declare -F claude >/dev/null; then
    function claude {
        __cs_claude "$@"
    }
fi
