# Bindings: what a directory is bound to is used while the shell is in it.

# If cs could have something to say: something may be bound here, or end here.
function __cs_hook --description 'Ask cs what this directory is bound to'
    if string match -q '1;bind=*' -- "$CS_SAVED"; or string match -q '*;*' -- "$__cs_memory"; or __cs_bound
        __cs_change __FAMILY__ __hook
    end
end

# Hands the status on.
function __cs_moved --on-variable PWD --description 'When the directory has changed'
    set -l __cs_status $status
    status --is-command-substitution
    and return $__cs_status
    __cs_hook
    return $__cs_status
end

# And then no more. Hands the status on.
function __cs_first --on-event fish_prompt --description 'For the directory the shell began in'
    set -l __cs_status $status
    functions --erase __cs_first
    __cs_hook
    return $__cs_status
end
