// Command manager is the Tollkeeper operator.
package main

import (
	"flag"
	"fmt"
	"os"

	_ "golang.org/x/crypto/x509roots/fallback" // the image has no certificates of its own
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/endpoint"
)

// version is set by the linker.
var version = "devel"

func main() {
	if len(os.Args) > 1 && os.Args[1] == endpoint.CommandName {
		os.Exit(endpoint.Command(ctrl.SetupSignalHandler(), os.Args[2:], os.Getenv, os.Stdout, os.Stderr))
	}
	var cfg config.Config
	var logging zap.Options
	cfg.Flags(flag.CommandLine)
	logging.BindFlags(flag.CommandLine)
	flag.Usage = usage
	flag.Parse()
	if err := unexpected(flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "tollkeeper: %v\n", err)
		os.Exit(1)
	}

	logger := zap.New(zap.UseFlagOptions(&logging))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	logger.WithName("setup").Info("Tollkeeper starts", "version", version)
	if err := run(cfg); err != nil {
		fmt.Fprintf(os.Stderr, "tollkeeper: %v\n", err)
		os.Exit(1)
	}
}

func usage() {
	out := flag.CommandLine.Output()
	_, _ = fmt.Fprintf(out, "Runs the Tollkeeper operator. To make Stripe's webhook endpoint: manager %s --help\n\nFlags:\n", endpoint.CommandName)
	flag.PrintDefaults()
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
