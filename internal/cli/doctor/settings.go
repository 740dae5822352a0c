package doctor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

// publicSettings is the ConfigMap with the settings that are no secrets, as config/manager names it.
const publicSettings = "tollkeeper-config"

// settings are what the operator runs with.
type settings struct {
	config.Config
	// keyFrom names where the Stripe key comes from, in a sentence.
	keyFrom string
	// wantsLivemode is what --livemode says; nil for auto.
	wantsLivemode *bool
}

// readSettings reads the flags and the environment of the operator's container as the operator does at its start. Without a
// Deployment, the environment is all of the Secret and the ConfigMap.
func (d *Doctor) readSettings(ctx context.Context) ([]Line, error) {
	environment, isWhole, err := d.environment(ctx)
	mayRead := err == nil && isWhole
	if twice, ok := errors.AsType[setTwiceError](err); ok {
		return []Line{{Fail, "Settings", "the operator does not start with them: " + twice.Error() + ", as a variable and as a file",
			"Leave one source of " + string(twice) + " in the Deployment and the Secret " + credentials}}, nil
	}
	if apierrors.IsForbidden(err) && d.Environment != nil {
		environment, err = map[string]string{}, nil
	}
	if apierrors.IsForbidden(err) {
		return []Line{{
			Skip, "Settings", "not checked, because you may not read the Secret " + credentials + ": " + reasonOf(err),
			"With a Stripe key of your own, Stripe is asked nevertheless: export STRIPE_SECRET_KEY=rk_…; kubectl tollkeeper doctor --stripe-key-from-env",
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	if d.operator == nil && d.Environment == nil && len(environment) == 1 {
		return []Line{{Skip, "Settings", "not known, because there is neither the Deployment nor the Secret", ""}}, nil
	}
	s := &settings{keyFrom: "the Secret " + credentials}
	if d.Environment != nil {
		s.keyFrom = "the environment"
		environment[config.EnvStripeSecretKey] = d.Environment(config.EnvStripeSecretKey)
		environment[config.EnvStripeAPIBase] = d.Environment(config.EnvStripeAPIBase)
		if environment[config.EnvStripeSecretKey] == "" {
			return []Line{{Fail, "Settings", "--stripe-key-from-env is set, and STRIPE_SECRET_KEY is not", "Export STRIPE_SECRET_KEY with a restricted key that may read"}}, nil
		}
	}
	return []Line{d.load(s, environment, mayRead)}, nil
}

// load parses the arguments of the operator's container and reads the environment into s. Then d.settings is s, if nothing is
// wrong.
func (d *Doctor) load(s *settings, environment map[string]string, isWhole bool) Line {
	const subject = "Settings"
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s.Flags(flags)
	if err := flags.Parse(known(flags, d.arguments())); err != nil {
		return Line{Fail, subject, "the operator does not accept its arguments: " + err.Error(), "Mend the arguments in the Deployment " + controllers}
	}
	s.wantsLivemode = s.Livemode
	s.CredentialsDir = "" // a folder in the pod: environment has its files
	if !isWhole || d.operator == nil {
		s.Components.Receiver, s.CloudEventsSink = false, "" // their secrets may not be read
	}
	err := s.Load(func(name string) string { return environment[name] })
	switch {
	case err != nil && d.Environment != nil:
		return Line{Fail, subject, "they do not fit the key of the environment: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			"Export a key of the account and the mode that the operator uses"}
	case err != nil:
		return Line{Fail, subject, "the operator does not start with them: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			"Mend the Secret " + credentials + " or the Deployment, and restart the pods"}
	case d.operator == nil:
		d.settings = s
		return Line{OK, subject, "valid, as far as they can be read without the Deployment", ""}
	case !isWhole:
		d.settings = s
		return Line{OK, subject, "the arguments are valid; not all credentials can be read", ""}
	default:
		d.settings = s
		return Line{OK, subject, "the operator accepts its arguments and its environment", ""}
	}
}

// arguments are those of the operator's container.
func (d *Doctor) arguments() []string {
	if container := d.container(); container != nil {
		return container.Args
	}
	return nil
}

// container is the operator's; nil without a Deployment.
func (d *Doctor) container() *corev1.Container {
	if d.operator == nil || len(d.operator.Spec.Template.Spec.Containers) == 0 {
		return nil
	}
	return &d.operator.Spec.Template.Spec.Containers[0]
}

// environment is that of the operator's container, as far as it comes from Secrets, ConfigMaps and the Deployment, with the
// credentials that it has as files. isWhole is false if files may have more.
func (d *Doctor) environment(ctx context.Context) (environment map[string]string, isWhole bool, err error) {
	container := d.container()
	sources := &source{ctx: ctx, d: d, secrets: map[string]map[string][]byte{}, configMaps: map[string]map[string]string{}}
	if container == nil {
		container = &corev1.Container{EnvFrom: []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: publicSettings}}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: credentials}}},
		}}
	}
	environment = map[string]string{config.EnvPodNamespace: d.Namespace}
	for _, from := range container.EnvFrom {
		if err := sources.all(environment, &from); err != nil {
			return nil, false, err
		}
	}
	for i := range container.Env {
		if err := sources.one(environment, &container.Env[i]); err != nil {
			return nil, false, err
		}
	}
	if d.operator == nil {
		return environment, true, nil
	}
	isWhole, err = sources.addFiles(environment, &d.operator.Spec.Template.Spec, container, d.credentialsDir())
	return environment, isWhole, err
}

// credentialsDir is what --credentials-dir says; empty for none.
func (d *Doctor) credentialsDir() string {
	var s settings
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s.Flags(flags)
	_ = flags.Parse(known(flags, d.arguments())) // load reports the error
	return s.CredentialsDir
}

// source reads each Secret and ConfigMap once. One that does not exist is empty.
type source struct {
	ctx        context.Context
	d          *Doctor
	secrets    map[string]map[string][]byte
	configMaps map[string]map[string]string
}

func (s *source) secret(name string) (map[string][]byte, error) {
	if data, isRead := s.secrets[name]; isRead {
		return data, nil
	}
	var secret corev1.Secret
	err := client.IgnoreNotFound(s.d.Client.Get(s.ctx, client.ObjectKey{Namespace: s.d.Namespace, Name: name}, &secret))
	s.secrets[name] = secret.Data
	return secret.Data, err
}

func (s *source) configMap(name string) (map[string]string, error) {
	if data, isRead := s.configMaps[name]; isRead {
		return data, nil
	}
	var stored corev1.ConfigMap
	err := client.IgnoreNotFound(s.d.Client.Get(s.ctx, client.ObjectKey{Namespace: s.d.Namespace, Name: name}, &stored))
	s.configMaps[name] = stored.Data
	return stored.Data, err
}

func (s *source) all(environment map[string]string, from *corev1.EnvFromSource) error {
	if from.SecretRef != nil {
		data, err := s.secret(from.SecretRef.Name)
		for name, value := range data {
			environment[from.Prefix+name] = string(value)
		}
		return err
	}
	if from.ConfigMapRef == nil {
		return nil
	}
	data, err := s.configMap(from.ConfigMapRef.Name)
	for name, value := range data {
		environment[from.Prefix+name] = value
	}
	return err
}

func (s *source) one(environment map[string]string, variable *corev1.EnvVar) error {
	from := variable.ValueFrom
	switch {
	case from == nil:
		environment[variable.Name] = variable.Value
	case from.SecretKeyRef != nil:
		data, err := s.secret(from.SecretKeyRef.Name)
		if err != nil {
			return err
		}
		environment[variable.Name] = string(data[from.SecretKeyRef.Key])
	case from.ConfigMapKeyRef != nil:
		data, err := s.configMap(from.ConfigMapKeyRef.Name)
		if err != nil {
			return err
		}
		environment[variable.Name] = data[from.ConfigMapKeyRef.Key]
	}
	return nil
}

// known are the arguments whose flags this version knows: those of logging are controller-runtime's, and another version may
// have more.
func known(flags *flag.FlagSet, arguments []string) []string {
	var kept []string
	for i := 0; i < len(arguments); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(arguments[i], "-"), "=")
		found := flags.Lookup(name)
		takesNext := !hasValue && i+1 < len(arguments) && !strings.HasPrefix(arguments[i+1], "-")
		if found != nil {
			kept = append(kept, arguments[i])
		}
		if takesNext {
			i++
			if found != nil {
				kept = append(kept, arguments[i])
			}
		}
	}
	return kept
}

// notAsked is the line of a check for which Stripe or Mailgun was not asked.
func notAsked(subject, why string) []Line {
	return []Line{{Skip, subject, fmt.Sprintf("not asked, because %s", why), ""}}
}
