# fish completion for wirewatch(1)
set -l commands tail match rules score parse feeds status check-feeds import export backup migrate keygen
set -l classes delivery pledge pause resume request refusal sale production

function __wirewatch_is
    __fish_seen_subcommand_from $argv
end

complete -c wirewatch -f
complete -c wirewatch -n "not __wirewatch_is $commands" -a tail -d 'Print alerts as they come'
complete -c wirewatch -n "not __wirewatch_is $commands" -a match -d 'Run the rules over a text'
complete -c wirewatch -n "not __wirewatch_is $commands" -a rules -d 'List the rules, or words that a pattern catches'
complete -c wirewatch -n "not __wirewatch_is $commands" -a score -d 'Judge the rules by a labelled corpus'
complete -c wirewatch -n "not __wirewatch_is $commands" -a parse -d 'Show a feed as the daemon understands it'
complete -c wirewatch -n "not __wirewatch_is $commands" -a feeds -d 'The health of each feed'
complete -c wirewatch -n "not __wirewatch_is $commands" -a status -d 'Totals of the running daemon'
complete -c wirewatch -n "not __wirewatch_is $commands" -a import -d 'An OPML file as a feed list'
complete -c wirewatch -n "not __wirewatch_is $commands" -a check-feeds -d 'Try each configured feed once'
complete -c wirewatch -n "not __wirewatch_is $commands" -a export -d 'The configured feeds as OPML'
complete -c wirewatch -n "not __wirewatch_is $commands" -a backup -d 'A copy of the ledger'
complete -c wirewatch -n "not __wirewatch_is $commands" -a migrate -d 'Move a ledger to another database'
complete -c wirewatch -n "not __wirewatch_is $commands" -a keygen -d 'Make a key pair'
complete -c wirewatch -n "not __wirewatch_is $commands" -l version -d 'Print the version'
complete -c wirewatch -l help -d 'Say how it is used'

complete -c wirewatch -n '__wirewatch_is tail match rules score parse feeds status check-feeds migrate' -l json -d 'Print JSON'
complete -c wirewatch -n '__wirewatch_is feeds status check-feeds export backup' -s c -l config -r -F -d 'Configuration'
complete -c wirewatch -n '__wirewatch_is feeds status' -l http -x -d 'Address of the daemon'
complete -c wirewatch -n '__wirewatch_is tail' -l class -x -a "(__fish_complete_list , 'printf %s\\n $classes')" -d 'Only these classes'
complete -c wirewatch -n '__wirewatch_is tail' -l first -d 'No repeats of a story'
complete -c wirewatch -n '__wirewatch_is tail' -l since -x -d 'Begin earlier: a duration or sequence'
complete -c wirewatch -n '__wirewatch_is tail' -l count -x -d 'End after so many'
complete -c wirewatch -n '__wirewatch_is tail' -l state -r -F -d 'Remember there what was printed'
complete -c wirewatch -n '__wirewatch_is tail' -l replay -x -d 'Where to ask for stored alerts'
complete -c wirewatch -n '__wirewatch_is tail' -l silence -x -d 'Then try the next endpoint'
complete -c wirewatch -n '__wirewatch_is tail' -l server-key -r -F -d 'Public key of the daemon'
complete -c wirewatch -n '__wirewatch_is tail' -l key -r -F -d 'Own secret key'
complete -c wirewatch -n '__wirewatch_is match rules' -l jsonl -d 'One text a line'
complete -c wirewatch -n '__wirewatch_is match' -l explain -d 'Say why'
complete -c wirewatch -n '__wirewatch_is match rules score' -s r -l rules -r -F -d Rules
complete -c wirewatch -n '__wirewatch_is rules' -l class -x -a "$classes" -d 'Only this class'
complete -c wirewatch -n '__wirewatch_is rules' -l words -x -d 'Words that this pattern catches'
complete -c wirewatch -n '__wirewatch_is score' -l lang -x -d 'Only these languages'
complete -c wirewatch -n '__wirewatch_is score' -l strict -d 'As if nothing were allowed'
complete -c wirewatch -n '__wirewatch_is score' -l no-misses -d 'Only the figures'
complete -c wirewatch -n '__wirewatch_is parse' -l content-type -x -d 'As if sent with this type'
complete -c wirewatch -n '__wirewatch_is parse' -l base -x -d 'URL that links are relative to'
complete -c wirewatch -n '__wirewatch_is feeds' -l failing -d 'Only those that are not well'
complete -c wirewatch -n '__wirewatch_is check-feeds' -l failing -d 'Only feeds that do not work'
complete -c wirewatch -n '__wirewatch_is migrate' -l quiet -d 'No progress'
complete -c wirewatch -n '__wirewatch_is migrate' -x -a 'sqlite:// postgresql://'
complete -c wirewatch -n '__wirewatch_is match rules score parse import keygen' -F
