package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// What a command's argument names, as an error says it.
const (
	aCustomer = "a customer, such as cus_Dan, sub_Dan, ada@example.com or the name of a resource"
	aFile     = "a file, or a folder with *.json files"
)

// exactlyOne accepts one argument. Cobra's own errors count the arguments, and do not say what they are.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("name %s", what)
		}
		return atMostOne(what)(cmd, args)
	}
}

// atMostOne accepts no argument or one.
func atMostOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%q is one argument too many: name %s, and put a text with spaces into quotes", args[1], what)
		}
		return nil
	}
}

// nothing accepts no argument.
func nothing(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is one argument too many: %s takes flags only", args[0], cmd.Name())
	}
	return nil
}
