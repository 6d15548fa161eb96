# Completion for fish 3.1 and newer: cs says what fits where the cursor is.

function __cs_complete --description 'What fits where the cursor is'
    # In the function and not global: nothing the shell does later can change or lose it.
    set -l __cs_program '{__CS_PROGRAM__}'
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    # What is set for this call only is no part of it: A=b cs ...
    while string match --quiet --regex '^\w+=' -- "$words[1]"
        set -e words[1]
    end
    set -l typed (commandline --current-token --cut-at-cursor | string collect)
    # What is offered needs no quotes: those that were typed are fish's.
    set -l plain (string replace --all --regex '["\']' '' -- "$typed")
    # `command`: the program of that name, also where a function has it.
    set -l lines (command $__cs_program __complete fish __FAMILY__ (count $words) -- $words "$plain" 2>/dev/null)
    set -q lines[1]; or return 0
    set -l field (string split --max 1 \t -- $lines[1])[2]
    switch $lines[1]
        case ':dirs*' ':files*'
            # As for any command that fish knows nothing about.
            set -l rest (string sub --start (math 1 + (string length -- "$field")) -- "$typed")
            set -l paths (complete --do-complete "__cs_any_command $rest")
            if string match --quiet ':dirs*' -- $lines[1]
                set paths (string match --regex '.*/$' -- $paths)
            end
            set -q paths[1]; and printf '%s\n' "$field"$paths
        case ':command*'
            set -e words[1..$field]
            set -l line (string escape -- $words | string join ' ')
            complete --do-complete (string trim --left -- "$line $typed")
        case '*'
            printf '%s\n' $lines
    end
    return 0
end

# Where nobody is at the shell there is no Tab. --erase: what is left of another cs.
