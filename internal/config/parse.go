package config

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// VariablePrefix begins the environment variables that set flags: TOLLKEEPER_GRACE_PERIOD sets --grace-period. The installed pods
// have one for each key of the ConfigMap tollkeeper-config.
const VariablePrefix = "TOLLKEEPER_"

// appNameOfConfigMap is APP_NAME as a key of the ConfigMap, all of whose keys get the prefix. It is the only one that is no flag.
const appNameOfConfigMap = VariablePrefix + EnvAppName

// ofSecret are the variables that come from the Secret. As keys of the ConfigMap they are refused: the right to change a ConfigMap must
// not be enough to choose where keys and reset tokens go.
var ofSecret = []string{
	EnvStripeEndpointSecret, EnvStripeSecretKey, EnvStripeAPIBase, EnvMailgunAPIKey, EnvMailgunDomain, EnvMailgunSenderEmail,
	EnvMailgunAPIBase, EnvPasswordResetURL, EnvCloudEventsSigningSecret,
}

// Variable returns the name of the environment variable that sets the flag.
func Variable(flagName string) string {
	return VariablePrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Parse sets the flags, from the environment variables TOLLKEEPER_… and from the arguments, which win. environ has the form of
// os.Environ. It returns flag.ErrHelp if the arguments ask for help, else all mistakes at once, each with what to do. No error has
// the value of a variable, which may be a secret in the wrong place.
func Parse(flags *flag.FlagSet, arguments, environ []string) error {
	mistakes := parseVariables(flags, environ)
	given, err := parseArguments(flags, arguments)
	if errors.Is(err, flag.ErrHelp) {
		return flag.ErrHelp
	}
	for _, a := range given {
		if err := flags.Set(a.name, a.value); err != nil {
			mistakes = append(mistakes, fmt.Errorf("--%s is %q: %s", a.name, a.value, wanted(flags.Lookup(a.name), err)))
		}
	}
	return errors.Join(append(mistakes, err)...)
}

// argument is a flag, or its variable, with its value.
type argument struct{ name, value string }

// parseArguments splits arguments as the package flag does, and goes on after a mistake.
func parseArguments(flags *flag.FlagSet, arguments []string) (given []argument, err error) {
	var mistakes []error
	for i := 0; i < len(arguments); i++ {
		name, isFlag := strings.CutPrefix(arguments[i], "-")
		name, value, hasValue := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		known := flags.Lookup(name)
		switch {
		case !isFlag || name == "":
			mistakes = append(mistakes, fmt.Errorf("unexpected argument %q: a flag begins with --, and one that is true or false is written as --emails=false",
				arguments[i]))
			continue
		case known == nil && (name == "help" || name == "h"):
			return nil, flag.ErrHelp
		case known == nil:
			mistakes = append(mistakes, fmt.Errorf("--%s is not a flag: %s", name, didYouMean(flags, name, "--", func(f string) string { return f })))
			continue
		case !hasValue && isBool(known):
			value = "true"
		case !hasValue && i+1 == len(arguments):
			mistakes = append(mistakes, fmt.Errorf("--%s has no value: write --%s=…", name, name))
			continue
		case !hasValue:
			i++
			value = arguments[i]
		}
		given = append(given, argument{name, value})
	}
	return given, errors.Join(mistakes...)
}

// parseVariables sets the flags that variables name. One that is set to the empty string counts as not set.
func parseVariables(flags *flag.FlagSet, environ []string) (mistakes []error) {
	names := namesByVariable(flags)
	for _, v := range variables(environ) {
		name, isKnown := names[v.name]
		if !isKnown {
			mistakes = append(mistakes, fmt.Errorf("%s names no flag: %s", v.name, whatInstead(flags, v.name)))
			continue
		}
		if err := flags.Set(name, v.value); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %s", v.name, wanted(flags.Lookup(name), err)))
		}
	}
	return mistakes
}

// UnknownVariables returns the variables TOLLKEEPER_… that name no flag of this version, as Parse would refuse them.
func UnknownVariables(flags *flag.FlagSet, environ []string) (unknown []string) {
	names := namesByVariable(flags)
	for _, v := range variables(environ) {
		if names[v.name] == "" {
			unknown = append(unknown, v.name)
		}
	}
	return unknown
}

// namesByVariable are the flags' names by the variables that set them.
func namesByVariable(flags *flag.FlagSet) map[string]string {
	names := map[string]string{}
	flags.VisitAll(func(f *flag.Flag) { names[Variable(f.Name)] = f.Name })
	return names
}

// variables are those of the environment that a person has set for flags, sorted by name.
func variables(environ []string) (set []argument) {
	services := servicePrefixes(environ)
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, VariablePrefix) && value != "" && name != appNameOfConfigMap && !isOfService(name, services) {
			set = append(set, argument{name, value})
		}
	}
	return set
}

// whatInstead says what to do about a variable that names no flag.
func whatInstead(flags *flag.FlagSet, variable string) string {
	key := strings.TrimPrefix(variable, VariablePrefix)
	if slices.Contains(ofSecret, key) {
		return fmt.Sprintf("move %s to the Secret tollkeeper-credentials", key)
	}
	if short, isDouble := strings.CutPrefix(key, VariablePrefix); isDouble {
		return fmt.Sprintf("as a key of the ConfigMap tollkeeper-config write %s, without %s", short, VariablePrefix)
	}
	return didYouMean(flags, strings.ToLower(strings.ReplaceAll(key, "_", "-")), "", Variable)
}

// wanted says what a flag accepts, where the package flag says "parse error" only.
func wanted(f *flag.Flag, err error) string {
	getter, isBuiltIn := f.Value.(flag.Getter)
	if !isBuiltIn {
		return err.Error()
	}
	switch getter.Get().(type) {
	case bool:
		return "want true or false"
	case int:
		return "want a whole number"
	case time.Duration:
		return "want a duration, such as 90s, 10m or 336h (there is no unit for days)"
	default:
		return err.Error()
	}
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// The variables that Kubernetes injects into pods for each Service of the namespace, unless the pod has enableServiceLinks: false. For
// a Service tollkeeper-webhook they begin with TOLLKEEPER_WEBHOOK. See
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
const (
	serviceHost = "_SERVICE_HOST"
	servicePort = "_SERVICE_PORT"
	portOfLink  = "_PORT"
)

// servicePrefixes are what the variables of each Service begin with.
func servicePrefixes(environ []string) (prefixes []string) {
	for _, entry := range environ {
		variable, _, _ := strings.Cut(entry, "=")
		if service, isHost := strings.CutSuffix(variable, serviceHost); isHost {
			prefixes = append(prefixes, service)
		}
	}
	return prefixes
}

func isOfService(variable string, services []string) bool {
	for _, service := range services {
		rest, found := strings.CutPrefix(variable, service)
		if found && (rest == serviceHost || isOrBegins(rest, servicePort) || isOrBegins(rest, portOfLink)) {
			return true
		}
	}
	return false
}

func isOrBegins(text, word string) bool { return text == word || strings.HasPrefix(text, word+"_") }
