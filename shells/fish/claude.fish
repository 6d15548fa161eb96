# claude: in a shell that uses a session or profile, or where one is bound, as that. Otherwise, and as
# `command claude` always, the program itself. A function of yours of that name is left alone, and so
# is an alias.

function __cs_claude --description 'Run Claude as what is in use or bound here'
    if test -n "$CS_PROFILE"; or __cs_bound
        __cs_call __FAMILY__ __claude $argv
    else
        command claude $argv
    end
end

if not functions -q claude
    function claude --description 'Run Claude as what is in use or bound here'
        __cs_claude $argv
    end
end
