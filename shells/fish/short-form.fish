builtin -q abbr; and abbr --erase __NAME__ 2>/dev/null
function __NAME__ --description 'Run cs __COMMAND__'
    __cs_run __FAMILY__ __COMMAND__ $argv
end
