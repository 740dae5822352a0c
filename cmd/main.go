// Command manager is the Tollkeeper operator.
package main

import (
	"errors"
	"flag"
	"fmt"
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
	parseErr := config.Parse(flags, arguments, os.Environ())
	if errors.Is(parseErr, flag.ErrHelp) {
		usage(flags)
		return 0
	}
	logger := logging.New(os.Stderr, cfg.Log)
	logging.Install(logger)
	loadErr := cfg.Load(os.Getenv)
	if parseErr != nil {
		return exit(logger, badCommand, errors.Join(parseErr, loadErr))
	}
	if loadErr != nil {
		return exit(logger, failed, loadErr)
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
	fmt.Printf("Runs the Tollkeeper operator. To make Stripe's webhook endpoint: manager %s --help\n\n"+
		"Flags, each of which a variable sets as well, such as %s for --grace-period:\n", endpoint.CommandName, config.Variable("grace-period"))
	flags.SetOutput(os.Stdout)
	flags.PrintDefaults()
}

func run(cfg config.Config) error {
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
