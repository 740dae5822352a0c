// Package command has the commands of the kubectl plugin: their flags and help, what they read and write, and the order in
// which they use the packages beside it.
package command

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/find"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// Environment is what the plugin uses of its process.
type Environment struct {
	Out, Err io.Writer
	// In is where answers are typed; nil if there is no terminal.
	In io.Reader
	// Getenv reads environment variables.
	Getenv func(string) string
	// Now is the clock.
	Now func() time.Time
	// Version of the plugin.
	Version string
}

// OS is the environment of a program.
func OS(version string) Environment {
	return Environment{Out: os.Stdout, Err: os.Stderr, In: os.Stdin, Getenv: os.Getenv, Now: time.Now, Version: version}
}

// plugin is what all commands share: where the API server is, and how to print.
type plugin struct {
	Environment

	rules     *clientcmd.ClientConfigLoadingRules
	overrides *clientcmd.ConfigOverrides
	output    string
}

// shownFlags are the flags to reach an API server that the help shows. The others are kubectl's too, and work.
var shownFlags = []string{"kubeconfig", "context", "namespace", "as"}

// New is the plugin's root command.
func New(env Environment) *cobra.Command {
	ctrllog.SetLogger(logr.Discard()) // the plugin says what it has to say
	p := &plugin{Environment: env, rules: clientcmd.NewDefaultClientConfigLoadingRules(), overrides: &clientcmd.ConfigOverrides{}}
	root := &cobra.Command{
		Use:   "kubectl-tollkeeper",
		Short: "Ask Tollkeeper why a customer has access or not, and change it",
		Long: `Ask Tollkeeper why a customer has access or not, and change it.

A customer is named by what you have at hand: Stripe's id of the customer (cus_…), of a subscription (sub_…), an event
(evt_…), a charge (ch_…) or a payment intent (pi_…), an e-mail address, or the name of a resource. Tollkeeper's namespace
is found, unless you give one with --namespace.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl tollkeeper"},
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       cmp.Or(env.Version, "devel"),
	}
	root.CompletionOptions.DisableDefaultCmd = true // its scripts complete kubectl-tollkeeper, not kubectl tollkeeper
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	flags := root.PersistentFlags()
	flags.StringVar(&p.rules.ExplicitPath, "kubeconfig", "", "path of the kubeconfig file")
	clientcmd.BindOverrideFlags(p.overrides, flags, clientcmd.RecommendedConfigOverrideFlags(""))
	for _, hide := range hiddenFlags(root) {
		utilruntime.Must(flags.MarkHidden(hide))
	}
	flags.StringVarP(&p.output, "output", "o", string(show.Table), "format of the output: table, wide, json or yaml")
	utilruntime.Must(root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(show.Formats, cobra.ShellCompDirectiveNoFileComp)))
	root.AddGroup(
		&cobra.Group{ID: "customer", Title: "One customer:"},
		&cobra.Group{ID: "ask", Title: "Ask the operator:"},
		&cobra.Group{ID: "installation", Title: "The installation:"},
	)
	for group, commands := range map[string][]*cobra.Command{
		"customer":     {p.explain(), p.timeline(), p.grant(), p.deny(), p.auto()},
		"ask":          {p.resync(), p.retry(), p.dismiss(), p.erase(), p.importAll()},
		"installation": {p.events(), p.archive(), p.top(), p.doctor(), p.replay(), p.report()},
	} {
		for _, command := range commands {
			command.GroupID = group
			root.AddCommand(command)
		}
	}
	return root
}

// scheme has the kinds that the plugin reads.
func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(apiextensionsv1.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	return s
}

// access is the way to the API server, as the flags and the kubeconfig say.
type access struct {
	config *rest.Config
	client client.Client
	finder find.Finder
	// user is the kubeconfig's name of the user; empty if it has none.
	user string
}

func (p *plugin) access() (*access, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(p.rules, p.overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w. Name a kubeconfig with --kubeconfig, or a context of it with --context", err)
	}
	config.QPS, config.Burst = 50, 100
	config.UserAgent = "kubectl-tollkeeper/" + cmp.Or(p.Version, "devel")
	config.WarningHandler = rest.NewWarningWriter(p.Err, rest.WarningWriterOptions{Deduplicate: true})
	namespace, isGiven, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("find the namespace: %w", err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme()})
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	user := ""
	if raw, err := loader.RawConfig(); err == nil {
		if current := raw.Contexts[cmp.Or(p.overrides.CurrentContext, raw.CurrentContext)]; current != nil {
			user = current.AuthInfo
		}
	}
	return &access{config: config, client: c, finder: find.Finder{Reader: c, Namespace: namespace, Only: isGiven}, user: user}, nil
}

// printer prints to the standard output as --output says.
func (p *plugin) printer() (show.Printer, error) {
	format, err := show.ParseFormat(p.output)
	if err != nil {
		return show.Printer{}, err
	}
	return show.Printer{Out: p.Out, Format: format, Colour: p.isColourWelcome()}, nil
}

// isColourWelcome reports whether the output is a terminal that shows colours, and the user wants them. See
// https://no-color.org.
func (p *plugin) isColourWelcome() bool {
	return p.isTerminal() && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb"
}

func (p *plugin) isTerminal() bool {
	file, isFile := p.Out.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

// note prints a remark beside the output.
func (p *plugin) note(format string, args ...any) {
	_, _ = fmt.Fprintln(p.Err, show.Clean(fmt.Sprintf(format, args...)))
}

// Problem is an error as a terminal may show it: what it quotes comes from outside.
func Problem(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = show.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
