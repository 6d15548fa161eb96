# The session or profile in use, in front of the prompt. For $PROFILE.
if (-not ([string]${Function:prompt}).Contains('CS_PROFILE')) {
    $global:__cs_plain_prompt = ${Function:prompt}
    function global:prompt {
        $name = if (${Env:CS_SESSION}) { ${Env:CS_SESSION} } else { ${Env:CS_PROFILE} }
        $(if ($name) { "[$name] " }) + (& $global:__cs_plain_prompt)
    }
}
