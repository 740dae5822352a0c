package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tollkeeper/tollkeeper/internal/cli/command"
)

// pluginCommands documents the commands of the kubectl plugin, as their help does.
func pluginCommands() (string, error) {
	root := command.New(command.OS(""))
	var out strings.Builder
	for _, group := range root.Groups() {
		fmt.Fprintf(&out, "## %s\n\n", strings.TrimSuffix(group.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID != group.ID {
				continue
			}
			if !c.HasSubCommands() {
				pluginCommand(&out, c)
			}
			for _, sub := range c.Commands() {
				pluginCommand(&out, sub)
			}
		}
	}
	return out.String(), nil
}

// pluginCommand documents one command.
func pluginCommand(out *strings.Builder, c *cobra.Command) {
	name, usage := c.Name(), c.Use
	if parent := c.Parent(); parent.HasParent() {
		name, usage = parent.Name()+" "+name, parent.Name()+" "+usage
	}
	fmt.Fprintf(out, "### %s\n\n%s\n\n```sh\nkubectl tollkeeper %s\n```\n\n", name, c.Long, usage)
	var flags []*pflag.Flag
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			flags = append(flags, f)
		}
	})
	if len(flags) > 0 {
		slices.SortFunc(flags, func(a, b *pflag.Flag) int { return cmp.Compare(a.Name, b.Name) })
		header(out, "flag", "default", "meaning")
		for _, f := range flags {
			value := f.DefValue
			if value == "false" || value == "" || value == "[]" {
				value = ""
			} else {
				value = "`" + value + "`"
			}
			row(out, "`--"+f.Name+"`", value, f.Usage)
		}
		out.WriteString("\n")
	}
	var examples strings.Builder
	for line := range strings.Lines(c.Example) {
		examples.WriteString(strings.TrimPrefix(line, "  "))
	}
	fmt.Fprintf(out, "For example:\n\n```sh\n%s\n```\n\n", examples.String())
}
