// Command kubectl-tollkeeper is the kubectl plugin for support and on-call: why a customer has access or not, and what to do.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/tollkeeper/tollkeeper/internal/cli/command"
)

// version is set by the linker.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command.New(command.OS(version)).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %s\n", command.Problem(err))
		os.Exit(1)
	}
}
