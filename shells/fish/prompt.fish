# The session or profile in use, in front of the prompt. For ~/.config/fish/config.fish.
functions -q __cs_prompt_before
or functions --copy fish_prompt __cs_prompt_before
function fish_prompt
    set -l last_status $status
    if set -q CS_SESSION
        printf '[%s] ' $CS_SESSION
    else if set -q CS_PROFILE
        printf '[%s] ' $CS_PROFILE
    end
    # The prompt before sees the status of the last command.
    function __cs_status --argument-names code
        return $code
    end
    __cs_status $last_status
    __cs_prompt_before
end
