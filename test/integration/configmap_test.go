package integration

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/volume"
)

// A key of the ConfigMap sets a flag in the pods that the manifests make, and one that names no flag stops them. The variables that
// Kubernetes gives pods for the Services of the manifests, should a pod have them, are no mistake.
func TestTheConfigMapSetsFlags(t *testing.T) {
	t.Parallel()
	services := []string{
		"TOLLKEEPER_WEBHOOK_SERVICE_HOST=10.0.0.7", "TOLLKEEPER_WEBHOOK_SERVICE_PORT=80", "TOLLKEEPER_WEBHOOK_SERVICE_PORT_HTTP=80",
		"TOLLKEEPER_WEBHOOK_PORT=tcp://10.0.0.7:80", "TOLLKEEPER_WEBHOOK_PORT_80_TCP_ADDR=10.0.0.7",
	}
	for _, folder := range []string{"config/default", "config/split"} {
		for _, d := range rendered(t, folder).deployments {
			t.Run(folder+" "+d.Name, func(t *testing.T) {
				valid := asInPod(t, &d, services, map[string]string{"APP_NAME": "Example", "LOG_FORMAT": "console", "GRACE_PERIOD": "336h"})
				if strings.HasPrefix(valid, "{") || strings.Contains(valid, "TOLLKEEPER_") || !strings.Contains(valid, "Tollkeeper starts") {
					t.Errorf("with keys of the ConfigMap it does not start as they say:\n%s", valid)
				}
				wrong := asInPod(t, &d, services, map[string]string{"GRASE_PERIOD": "336h", "STRIPE_API_BASE": "https://canary.example.com", "EVENT_ATTEMPTS": "0"})
				for _, said := range []string{
					"TOLLKEEPER_GRASE_PERIOD names no flag: did you mean TOLLKEEPER_GRACE_PERIOD?", "move STRIPE_API_BASE to the Secret", "--event-attempts is 0",
				} {
					if !strings.Contains(wrong, said) || strings.Contains(wrong, "canary") {
						t.Errorf("it does not say %q:\n%s", said, wrong)
					}
				}
			})
		}
	}
}

// asInPod runs the manager with the arguments, the files and the variables of the Deployment's container, without an API server, and
// returns its log.
func asInPod(t *testing.T, d *appsv1.Deployment, variables []string, configMap map[string]string) string {
	t.Helper()
	container := d.Spec.Template.Spec.Containers[0]
	mount, folder := container.VolumeMounts[0].MountPath, mountedSecret(t, d, map[string]string{config.EnvStripeEndpointSecret: "whsec_1"})
	arguments := slices.Clone(container.Args)
	for i := range arguments {
		arguments[i] = strings.Replace(arguments[i], mount, folder, 1)
	}
	command := exec.CommandContext(t.Context(), managerBinary(t), arguments...)
	command.Env = slices.Clip(variables)
	for _, from := range container.EnvFrom {
		for key, value := range configMap {
			command.Env = append(command.Env, from.Prefix+key+"="+value)
		}
	}
	var log bytes.Buffer
	command.Stderr = &log
	var exited *exec.ExitError
	if err := command.Run(); !errors.As(err, &exited) {
		t.Fatalf("without an API server it ends with %v", err)
	}
	return log.String()
}

// mountedSecret is a folder with the keys of the Secret that the Deployment mounts.
func mountedSecret(t *testing.T, d *appsv1.Deployment, secret map[string]string) string {
	t.Helper()
	files := map[string]string{}
	for _, from := range d.Spec.Template.Spec.Volumes[0].Projected.Sources {
		for _, item := range from.Secret.Items {
			if value, isThere := secret[item.Key]; isThere {
				files[item.Path] = value
			}
		}
	}
	return volume.New(t, files).Folder
}
