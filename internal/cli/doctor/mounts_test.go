package doctor

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"
)

// installed is the Deployment of config/manager.
func installed(t *testing.T) *appsv1.Deployment {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "manager", "manager.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(content, &deployment); err != nil {
		t.Fatal(err)
	}
	return &deployment
}

// The doctor finds the credentials in the Secrets that the installed Deployment mounts, and knows what it cannot find.
func TestTheSettingsComeFromMountedSecrets(t *testing.T) {
	secret := func(name string, data map[string]string) *corev1.Secret {
		stored := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Data: map[string][]byte{}}
		for key, value := range data {
			stored.Data[key] = []byte(value)
		}
		return stored
	}
	ours := map[string]string{"STRIPE_ENDPOINT_SECRET": "whsec_1", "STRIPE_SECRET_KEY": "rk_test_1\n", "APP_NAME": "is not mounted"}
	for name, tc := range map[string]struct {
		change func(*corev1.PodSpec, *corev1.Container)
		want   Line
		key    string
	}{
		"as installed": {want: Line{OK, "Settings", "the operator accepts its arguments and its environment", ""}, key: "rk_test_1"},
		"a file of its own": {
			change: func(pod *corev1.PodSpec, c *corev1.Container) {
				pod.Volumes[0].Projected.Sources = pod.Volumes[0].Projected.Sources[:1]
				pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "stripe", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "stripe"}}})
				c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "stripe", MountPath: "/run/stripe"})
				c.Env = append(c.Env, corev1.EnvVar{Name: "STRIPE_SECRET_KEY_FILE", Value: "/run/stripe/key"})
			},
			want: Line{OK, "Settings", "the operator accepts its arguments and its environment", ""}, key: "rk_test_2",
		},
		"a file of another program": {
			change: func(_ *corev1.PodSpec, c *corev1.Container) {
				c.Env = append(c.Env, corev1.EnvVar{Name: "MAILGUN_API_KEY_FILE", Value: "/vault/mailgun"})
			},
			want: Line{OK, "Settings", "the arguments are valid; not all credentials can be read", ""}, key: "rk_test_1",
		},
		"set twice": {
			change: func(_ *corev1.PodSpec, c *corev1.Container) {
				c.Env = append(c.Env, corev1.EnvVar{Name: "STRIPE_SECRET_KEY", Value: "rk_test_3"})
			},
			want: Line{
				Fail, "Settings", "the operator does not start with them: STRIPE_SECRET_KEY is set more than once, as a variable and as a file",
				"Leave one source of STRIPE_SECRET_KEY in the Deployment and the Secret tollkeeper-credentials",
			},
		},
		"no key": {
			change: func(pod *corev1.PodSpec, _ *corev1.Container) {
				pod.Volumes[0].Projected.Sources = pod.Volumes[0].Projected.Sources[:1]
			},
			want: Line{OK, "Settings", "the operator accepts its arguments and its environment", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			deployment := installed(t)
			pod := &deployment.Spec.Template.Spec
			if tc.change != nil {
				tc.change(pod, &pod.Containers[0])
			}
			d := &Doctor{
				Namespace: "ns", operator: deployment,
				Client: fake.NewClientBuilder().WithObjects(secret("tollkeeper-credentials", ours), secret("stripe", map[string]string{"key": "rk_test_2"})).Build(),
			}
			lines, err := d.readSettings(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Line{tc.want}, lines); diff != "" {
				t.Errorf("the lines (-want +got):\n%s", diff)
			}
			if d.settings != nil && d.settings.Stripe.SecretKey != tc.key {
				t.Errorf("the key is %q, want %q", d.settings.Stripe.SecretKey, tc.key)
			}
		})
	}
}

// The fingerprints let people compare the Secret with what is in use.
func TestFingerprintsOfTheSecret(t *testing.T) {
	is(t, "ok SHA-256 of the keys, as in the metric tollkeeper_credential_info: STRIPE_ENDPOINT_SECRET 0447c67f "+
		"091a0fd0", fingerprints(map[string][]byte{"STRIPE_ENDPOINT_SECRET": []byte("whsec_1,whsec_2")})[0])
	if lines := fingerprints(nil); lines != nil {
		t.Errorf("without keys there are %v", lines)
	}
}
