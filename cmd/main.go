// Command manager is the Tollkeeper operator.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/go-logr/logr"
	_ "golang.org/x/crypto/x509roots/fallback" // the image has no certificates of its own
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/endpoint"
	"github.com/tollkeeper/tollkeeper/internal/logging"
)

// version is set by the linker.
var version = "devel"

// The codes with which the process exits.
const (
	failed     = 1
	badCommand = 2
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == endpoint.CommandName {
		os.Exit(endpoint.Command(ctrl.SetupSignalHandler(), os.Args[2:], os.Getenv, os.Stdout, os.Stderr))
	}
	os.Exit(start(flag.CommandLine, os.Args[1:]))
}

// start runs the operator and returns the code to exit with. Whatever goes wrong is a line of the log.
func start(flags *flag.FlagSet, arguments []string) int {
	var cfg config.Config
	cfg.Flags(flags)
	flags.Init("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is logged
	err := flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		usage(flags)
		return 0
	}
	logger := logging.New(os.Stderr, cfg.Log)
	logging.Install(logger)
	if err = errors.Join(err, unexpected(flags.Args())); err != nil {
		return exit(logger, badCommand, err)
	}
	logger.Info("Tollkeeper starts", "version", version)
	if err := run(cfg); err != nil {
		return exit(logger, failed, err)
	}
	logger.Info("Tollkeeper stopped")
	return 0
}

// exit says why the process exits. That is an error, even if its cause is a mere warning, such as an API server that is away.
func exit(logger logr.Logger, code int, err error) int {
	logger.Error(errors.New(err.Error()), "Tollkeeper exits", "code", code)
	return code
}

func usage(flags *flag.FlagSet) {
	fmt.Printf("Runs the Tollkeeper operator. To make Stripe's webhook endpoint: manager %s --help\n\nFlags:\n", endpoint.CommandName)
	flags.SetOutput(os.Stdout)
	flags.PrintDefaults()
}

// unexpected is the error of arguments that are no flags. The flags behind the first of them are not read: an operator that
// starts nevertheless would run without them.
func unexpected(args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unexpected argument %q: a flag begins with -, and a flag that is true or false is written as --emails=false", args[0])
}

func run(cfg config.Config) error {
	if err := cfg.Load(os.Getenv); err != nil {
		return err
	}
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server (kubeconfig or service account): %w", err)
	}
	operator, err := app.New(cfg, restConfig)
	if err != nil {
		return err
	}
	return operator.Run(ctrl.SetupSignalHandler())
}
