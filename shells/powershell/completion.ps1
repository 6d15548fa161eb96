# Completion for Windows PowerShell 5.1 and PowerShell 7: cs says what fits where the cursor is.
#
# ASCII only: Windows PowerShell reads what a program prints in the code page of the console.

# $args: the word, the command as PowerShell has parsed it, and where the cursor is in the line.
function global:__cs_complete {
    $__cs_program = '{__CS_PROGRAM__}'
    $ast = $args[1]
    $cursor = $args[2]
    # By its name alone it would be the function, where there is one.
    if (-not [System.IO.Path]::IsPathRooted($__cs_program)) {
        $found = @(Microsoft.PowerShell.Core\Get-Command -Name $__cs_program -CommandType Application -ErrorAction Ignore)
        if ($found.Count -eq 0) { return }
        $__cs_program = $found[0].Path
    }

    # What was typed, as far as the cursor, quotes taken off.
    $words = @()
    $starts = @()
    $typed = ''
    $at = 0
    while ($at -lt $ast.CommandElements.Count) {
        $extent = $ast.CommandElements[$at].Extent
        if ($extent.StartOffset -lt $cursor -or $at -eq 0) {
            $text = $extent.Text
            $starts += $extent.StartOffset
            if ($extent.EndOffset -ge $cursor) {
                $typed = $text.Substring(0, $cursor - $extent.StartOffset).Trim("'", '"')
            } else {
                $words += $text.Trim("'", '"')
            }
        }
        $at += 1
    }

    # What cs prints is UTF-8.
    $encoding = [Console]::OutputEncoding
    try {
        if ($encoding.CodePage -ne 65001) { [Console]::OutputEncoding = [System.Text.Encoding]::UTF8 }
        $lines = @(& $__cs_program '__complete' 'powershell' '__FAMILY__' $words.Count '--' @words $typed 2>$null)
    } catch {
        $lines = @()
    } finally {
        if ($encoding.CodePage -ne 65001) { [Console]::OutputEncoding = $encoding }
    }
    if ($lines.Count -eq 0) {
        # An empty word keeps PowerShell from offering files.
        ''
        return
    }

    $fields = $lines[0].Split("`t")
    if ($fields[0] -eq ':command' -and [int]$fields[1] -lt $starts.Count) {
        $line = $ast.Extent.Text.PadRight($cursor - $ast.Extent.StartOffset)
        $from = $starts[[int]$fields[1]] - $ast.Extent.StartOffset
        $line = $line.Substring($from, $cursor - $ast.Extent.StartOffset - $from)
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
        return
    }
    # Nothing said leaves files and directories to PowerShell itself.
    if ($fields[0].StartsWith(':')) { return }

    $at = 0
    while ($at -lt $lines.Count) {
        $fields = $lines[$at].Split("`t")
        $value = $fields[0]
        if ($value -notmatch '^[A-Za-z0-9._=-]+$') {
            $value = "'" + $value.Replace("'", "''") + "'"
        }
        # It takes no empty tool tip.
        $about = $fields[$fields.Count - 1]
        [System.Management.Automation.CompletionResult]::new($value, $fields[0], 'ParameterValue', $about)
        $at += 1
    }
}
