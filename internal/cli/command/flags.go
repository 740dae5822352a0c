package command

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// hiddenFlags are the flags to reach an API server that the help leaves out.
func hiddenFlags(root *cobra.Command) []string {
	var names []string
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(shownFlags, f.Name) {
			names = append(names, f.Name)
		}
	})
	return names
}
