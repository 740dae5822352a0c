package config

import (
	"flag"
	"fmt"
)

// farthest is how many letters a name may differ from the one that was meant: else any short name would be near any other.
const farthest = 4

// didYouMean names the flag that is nearest to the name, written by spell after dashes, or says where all are.
func didYouMean(flags *flag.FlagSet, name, dashes string, spell func(string) string) string {
	best, least := "", min(farthest, len(name)/2)+1
	flags.VisitAll(func(f *flag.Flag) {
		if d := distance(name, f.Name); d < least {
			best, least = f.Name, d
		}
	})
	if best == "" {
		return "remove it, or look the name up in docs/configuration.md"
	}
	return fmt.Sprintf("did you mean %s%s?", dashes, spell(best))
}

// distance is how many bytes must be added, removed or replaced to get from a to b: Levenshtein's distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
