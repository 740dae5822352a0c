package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// A real API server accepts the manifests in config/, applied with the commands in the README.
func TestTheManifestsAreAccepted(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), "tollkeeper-system")); err != nil {
		t.Fatal(err) // a dry run does not create it, and objects in it would be rejected
	}
	for _, folder := range []string{"config/crd", "config/default", "config/split", "config/samples"} {
		t.Run(folder, func(t *testing.T) {
			out := kubectl(t, kubeconfig, "apply", "--server-side", "--dry-run=server", "--namespace="+installedNamespace, "-k",
				filepath.Join(controlplane.Root(), folder))
			for line := range strings.Lines(out) {
				if !strings.HasSuffix(line, "serverside-applied (server dry run)\n") {
					t.Errorf("kubectl printed: %s", line)
				}
			}
		})
	}
}

// `make uninstall` deletes the CRDs and all their objects, although the policies forbid to delete a BillingEvent.
func TestUninstall(t *testing.T) {
	plane, err := controlplane.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig := kubeconfigFor(t, plane)
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "default"))
	kubectl(t, kubeconfig, "label", "namespace", installedNamespace, "tollkeeper.dev/policies=suspended", "--overwrite")
	event := aBillingEvent(installedNamespace, "evt-one")
	o := &operator{t: t, namespace: installedNamespace}
	o.eventually("the policies are no longer enforced", func() string {
		if err := client.IgnoreAlreadyExists(plane.Client.Create(t.Context(), event)); err != nil {
			return err.Error()
		}
		return ""
	})
	kubectl(t, kubeconfig, "label", "namespace", installedNamespace, "tollkeeper.dev/policies=enforced", "--overwrite")
	o.eventually("the policies are in force", func() string {
		if err := plane.Client.Delete(t.Context(), event, client.DryRunAll); err == nil {
			return "an administrator may delete a BillingEvent"
		}
		return ""
	})
	stopReminding := remindOfDeletions(t, plane.Client)
	kubectl(t, kubeconfig, "delete", "--timeout=5m", "-k", filepath.Join(controlplane.Root(), "config", "crd"))
	stopReminding()
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "crd"))
	o.eventually("the event is gone", func() string {
		if out, err := tryKubectl(t, kubeconfig, "get", "billingevents", "-A", "-o", "name"); err != nil || out != "" {
			return fmt.Sprintf("%s %v", out, err)
		}
		return ""
	})
}

// `make undeploy` removes what the manifests install, apart from the CRDs and the namespace: the customers stay, and the same
// manifests find them again.
func TestUndeployKeepsTheData(t *testing.T) {
	plane, err := controlplane.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig := kubeconfigFor(t, plane)
	kubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(controlplane.Root(), "config", "split"))
	customer := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "cus-x"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_X"}}
	if err := plane.Client.Create(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
	assets, err := controlplane.Assets()
	if err != nil {
		t.Fatal(err)
	}
	undeploy := exec.CommandContext(t.Context(), "make", "undeploy", "KUBECTL="+filepath.Join(assets, "kubectl"))
	undeploy.Dir, undeploy.Env = controlplane.Root(), append(os.Environ(), "KUBECONFIG="+kubeconfig)
	if out, err := undeploy.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	left := kubectl(t, kubeconfig, "get", "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings", "-l=app.kubernetes.io/name=tollkeeper", "-o=name")
	left += kubectl(t, kubeconfig, "-n", installedNamespace, "get", "deployments,services,roles,rolebindings,networkpolicies,poddisruptionbudgets", "-l=app.kubernetes.io/name=tollkeeper", "-o=name")
	if left != "" {
		t.Errorf("after make undeploy there are still:\n%s", left)
	}
	if err := plane.Client.Get(t.Context(), client.ObjectKeyFromObject(customer), customer); err != nil || !customer.DeletionTimestamp.IsZero() {
		t.Errorf("the customer: %v, deleted at %s", err, customer.DeletionTimestamp)
	}
}

// remindOfDeletions changes the CRDs that are being deleted, every second, until stop is called. The API server deletes a CRD
// once it has listed its objects. If their storage is being initialized, as it is after the CRD was created, the API server
// tries again after ever longer pauses, of minutes in the end, or when the CRD changes.
func remindOfDeletions(t *testing.T, c client.Client) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var reminding sync.WaitGroup
	reminding.Go(func() {
		_ = wait.PollUntilContextCancel(ctx, time.Second, false, func(ctx context.Context) (bool, error) {
			list := metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinitionList"))
			if err := c.List(ctx, &list); err != nil {
				return false, nil //nolint:nilerr // asked again
			}
			for i := range list.Items {
				if crd := &list.Items[i]; crd.DeletionTimestamp != nil {
					before := crd.DeepCopy()
					metav1.SetMetaDataAnnotation(&crd.ObjectMeta, "reminded", time.Now().String())
					_ = c.Patch(ctx, crd, client.MergeFrom(before)) // it may be gone
				}
			}
			return false, nil
		})
	})
	return func() { cancel(); reminding.Wait() }
}

// The network policies allow the pods of each Deployment exactly the connections that they need.
func TestNetworkPolicies(t *testing.T) {
	egress := []networkingv1.NetworkPolicyEgressRule{
		{Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(53)), Protocol: new(corev1.ProtocolUDP)}, {Port: new(intstr.FromInt32(53))}}},
		{Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(443))}, {Port: new(intstr.FromInt32(6443))}}},
	}
	webhook := networkingv1.NetworkPolicyIngressRule{Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromString("webhook"))}}}
	metrics := networkingv1.NetworkPolicyIngressRule{
		From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"metrics": "enabled"}}}},
		Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromString("metrics"))}},
	}
	for folder, want := range map[string]map[string][]networkingv1.NetworkPolicyIngressRule{
		"config/default": {"tollkeeper-controller-manager": {webhook, metrics}},
		"config/split":   {"tollkeeper-controller-manager": {metrics}, "tollkeeper-receiver": {webhook, metrics}},
	} {
		m := rendered(t, folder)
		got := map[string][]networkingv1.NetworkPolicyIngressRule{}
		for _, policy := range m.networkPolicies {
			name := m.selects(t, "NetworkPolicy "+policy.Name, &policy.Spec.PodSelector)
			got[name] = append(got[name], policy.Spec.Ingress...)
			if diff := cmp.Diff(egress, policy.Spec.Egress); diff != "" {
				t.Errorf("%s: egress of %s (-want +got):\n%s", folder, policy.Name, diff)
			}
			both := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
			if diff := cmp.Diff(both, policy.Spec.PolicyTypes); diff != "" {
				t.Errorf("%s: policy types of %s (-want +got):\n%s", folder, policy.Name, diff)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: ingress by Deployment (-want +got):\n%s", folder, diff)
		}
	}
}

// The pods get only the keys of tollkeeper-credentials that they need. In config/split the pods that the internet
// reaches get only the signing secret of the endpoint.
func TestWhoIsGivenWhichKeys(t *testing.T) {
	controllers := []string{
		"CLOUDEVENTS_SIGNING_SECRET", "MAILGUN_API_BASE", "MAILGUN_API_KEY", "MAILGUN_DOMAIN", "MAILGUN_SENDER_EMAIL", "PASSWORD_RESET_URL", "STRIPE_API_BASE", "STRIPE_SECRET_KEY",
	}
	all := slices.Sorted(slices.Values(append([]string{"STRIPE_ENDPOINT_SECRET"}, controllers...)))
	for folder, want := range map[string]map[string][]string{
		"config/default": {"tollkeeper-controller-manager": all},
		"config/split": {
			"tollkeeper-controller-manager": controllers,
			"tollkeeper-receiver":           {"STRIPE_ENDPOINT_SECRET"},
		},
	} {
		got := map[string][]string{}
		for _, d := range rendered(t, folder).deployments {
			pod := d.Spec.Template.Spec
			if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 || len(pod.Volumes) != 1 || pod.Volumes[0].Projected == nil {
				t.Fatalf("%s: %s has more than one container with single variables and the credentials: extend this test to all sources of keys", folder, d.Name)
			}
			got[d.Name] = mountedKeys(t, folder+": "+d.Name, pod.Volumes[0].Projected)
			// The whole ConfigMap sets flags, and with the prefix nothing else.
			if diff := cmp.Diff([]corev1.EnvFromSource{{Prefix: config.VariablePrefix, ConfigMapRef: &corev1.ConfigMapEnvSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: "tollkeeper-config"}, Optional: new(true),
			}}}, pod.Containers[0].EnvFrom); diff != "" {
				t.Errorf("%s: the variables of %s (-want +got):\n%s", folder, d.Name, diff)
			}
			if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
				t.Errorf("%s: Kubernetes gives %s variables for each Service, such as TOLLKEEPER_WEBHOOK_PORT", folder, d.Name)
			}
			for _, variable := range pod.Containers[0].Env {
				if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
					t.Errorf("%s: %s reads %s from the environment, so that a change needs a restart", folder, d.Name, variable.Name)
				} else if from != nil && from.ConfigMapKeyRef != nil {
					t.Errorf("%s: %s reads %s from a ConfigMap: a role that may change ConfigMaps could send keys elsewhere", folder, d.Name, variable.Name)
				}
			}
			slices.Sort(got[d.Name])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the keys of each Deployment (-want +got):\n%s", folder, diff)
		}
	}
}

// mountedKeys are the keys of tollkeeper-credentials that a volume has as files of the same name.
func mountedKeys(t *testing.T, which string, volume *corev1.ProjectedVolumeSource) []string {
	t.Helper()
	keys := []string{}
	for _, source := range volume.Sources {
		if source.Secret == nil || source.Secret.Name != "tollkeeper-credentials" || len(source.Secret.Items) == 0 {
			t.Fatalf("%s mounts %v, want single keys of tollkeeper-credentials", which, source)
		}
		for _, item := range source.Secret.Items {
			if keys = append(keys, item.Key); item.Path != item.Key {
				t.Errorf("%s mounts %s as %s", which, item.Key, item.Path)
			}
		}
	}
	return keys
}

// Each selector selects the pods of exactly one Deployment, and each Service port leads to a port of these pods.
func TestSelectorsReachTheirPods(t *testing.T) {
	for folder, want := range map[string]map[string]string{
		"config/default": {
			"Service tollkeeper-webhook":                           "tollkeeper-controller-manager webhook",
			"Service tollkeeper-metrics":                           "tollkeeper-controller-manager metrics",
			"PodDisruptionBudget tollkeeper-controller-manager":    "tollkeeper-controller-manager",
			"spread of Deployment tollkeeper-controller-manager":   "tollkeeper-controller-manager",
			"selector of Deployment tollkeeper-controller-manager": "tollkeeper-controller-manager",
		},
		"config/split": {
			"Service tollkeeper-webhook":                           "tollkeeper-receiver webhook",
			"Service tollkeeper-metrics":                           "tollkeeper-controller-manager metrics",
			"Service tollkeeper-receiver-metrics":                  "tollkeeper-receiver metrics",
			"PodDisruptionBudget tollkeeper-controller-manager":    "tollkeeper-controller-manager",
			"PodDisruptionBudget tollkeeper-receiver":              "tollkeeper-receiver",
			"spread of Deployment tollkeeper-controller-manager":   "tollkeeper-controller-manager",
			"spread of Deployment tollkeeper-receiver":             "tollkeeper-receiver",
			"selector of Deployment tollkeeper-controller-manager": "tollkeeper-controller-manager",
			"selector of Deployment tollkeeper-receiver":           "tollkeeper-receiver",
		},
	} {
		m := rendered(t, folder)
		got := map[string]string{}
		selects := func(what string, selector *metav1.LabelSelector) {
			got[what] = m.selects(t, what, selector)
		}
		for _, service := range m.services {
			what := "Service " + service.Name
			selects(what, &metav1.LabelSelector{MatchLabels: service.Spec.Selector})
			for _, port := range service.Spec.Ports {
				got[what] += " " + m.port(got[what], port.TargetPort)
			}
		}
		for _, budget := range m.budgets {
			selects("PodDisruptionBudget "+budget.Name, budget.Spec.Selector)
		}
		for _, d := range m.deployments {
			selects("selector of Deployment "+d.Name, d.Spec.Selector)
			for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
				selects("spread of Deployment "+d.Name, spread.LabelSelector)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the pods of each selector (-want +got):\n%s", folder, diff)
		}
	}
}

// The general role view does not include the right to see customers' names and addresses.
func TestViewingTheClusterShowsNoCustomers(t *testing.T) {
	roles := rendered(t, "config/split").clusterRoles
	if len(roles) != 8 {
		t.Errorf("%d ClusterRoles are installed, want 8", len(roles))
	}
	for _, role := range roles {
		for label := range role.Labels {
			if strings.HasPrefix(label, "rbac.authorization.k8s.io/aggregate-to-") {
				t.Errorf("%s has the label %s, which makes it part of another role", role.Name, label)
			}
		}
	}
}

// manifests are the rendered objects of a folder in config/ that the tests look at.
type manifests struct {
	deployments     []appsv1.Deployment
	services        []corev1.Service
	budgets         []policyv1.PodDisruptionBudget
	networkPolicies []networkingv1.NetworkPolicy
	clusterRoles    []rbacv1.ClusterRole
}

func rendered(t *testing.T, folder string) *manifests {
	t.Helper()
	text := kubectl(t, os.DevNull, "kustomize", filepath.Join(controlplane.Root(), folder))
	decoder := serializer.NewCodecFactory(app.Scheme(), serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewDocumentDecoder(io.NopCloser(strings.NewReader(text)))
	m, buffer := &manifests{}, make([]byte, 1<<20)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return m
		}
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(buffer[:n], nil, nil)
		if runtime.IsNotRegisteredError(err) && bytes.Contains(buffer[:n], []byte("\nkind: CustomResourceDefinition\n")) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		switch object := object.(type) {
		case *appsv1.Deployment:
			m.deployments = append(m.deployments, *object)
		case *corev1.Service:
			m.services = append(m.services, *object)
		case *policyv1.PodDisruptionBudget:
			m.budgets = append(m.budgets, *object)
		case *networkingv1.NetworkPolicy:
			m.networkPolicies = append(m.networkPolicies, *object)
		case *rbacv1.ClusterRole:
			m.clusterRoles = append(m.clusterRoles, *object)
		}
	}
}

// selects returns the one Deployment whose pods the selector matches. No single label may suffice: other kubebuilder
// operators also label their pods control-plane: controller-manager.
func (m *manifests) selects(t *testing.T, what string, selector *metav1.LabelSelector) string {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var names []string
	for _, d := range m.deployments {
		if !s.Matches(labels.Set(d.Spec.Template.Labels)) {
			continue
		}
		names = append(names, d.Name)
		for label, value := range d.Spec.Template.Labels {
			if s.Matches(labels.Set{label: value}) {
				t.Errorf("%s has the selector %q, which pods of other operators may match", what, s)
			}
		}
	}
	if len(names) != 1 {
		t.Errorf("%s selects the pods of %q, want those of one Deployment", what, names)
	}
	return strings.Join(names, ",")
}

// port returns the name of the Deployment's container port that the target names.
func (m *manifests) port(deployment string, target intstr.IntOrString) string {
	for _, d := range m.deployments {
		for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
			if d.Name == deployment && port.Name == target.StrVal {
				return port.Name
			}
		}
	}
	return "no port " + target.String()
}

// overlay writes a kustomization over a folder of config/ with one more setting, and returns its folder.
func overlay(t *testing.T, setting, folder string) string {
	t.Helper()
	here, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.EvalSymlinks(controlplane.Root())
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Rel(here, filepath.Join(root, folder)) // kustomize accepts no absolute paths
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(here, "kustomization.yaml"), []byte(setting+"\nresources:\n- "+base+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return here
}

func kubectl(t *testing.T, kubeconfig string, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t, kubeconfig, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryKubectl(t *testing.T, kubeconfig string, args ...string) (string, error) {
	t.Helper()
	binary := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	command := exec.CommandContext(t.Context(), binary, append([]string{"--kubeconfig", kubeconfig}, args...)...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}
