package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

const (
	gatewayAPI = "sigs.k8s.io/gateway-api@v1.5.0"
	// ingressNginx is the only version of the controller that is a Go module.
	ingressNginx = "k8s.io/ingress-nginx@v0.0.0-20240708192948-52c50467d67d"
)

// The examples for ingress fit the kinds of the Gateway API, and of Kubernetes itself.
func TestIngressExamplesFitTheirKinds(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), installedNamespace)); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"gateways", "httproutes"} {
		installCRD(t, kubeconfig, filepath.Join(moduleFolder(t, gatewayAPI), "config/crd/standard/gateway.networking.k8s.io_"+kind+".yaml"))
	}
	files, err := filepath.Glob(filepath.Join(controlplane.Root(), "examples", "ingress", "*.yaml"))
	if err != nil || len(files) != 3 {
		t.Fatalf("the examples are %q: %v", files, err)
	}
	for _, file := range files {
		fits(t, kubeconfig, file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wrong := strings.ReplaceAll(string(text), "\nspec:\n", "\nspec:\n  noSuchField: 1\n")
		if err := apply(t, kubeconfig, wrong); err == nil {
			t.Errorf("%s with an unknown field is accepted", file)
		}
		if !strings.Contains(string(text), "tollkeeper-webhook") || !strings.Contains(string(text), "/webhooks/stripe") {
			t.Errorf("%s leads elsewhere", file)
		}
	}
}

// The annotations of the example are those that ingress-nginx documents.
func TestIngressNginxKnowsTheAnnotations(t *testing.T) {
	t.Parallel()
	known, err := os.ReadFile(filepath.Join(moduleFolder(t, ingressNginx), "docs", "user-guide", "nginx-configuration", "annotations.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(controlplane.Root(), "examples", "ingress", "nginx.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`nginx\.ingress\.kubernetes\.io/[a-z-]+`).FindAllString(string(text), -1)
	if len(used) < 6 {
		t.Errorf("the example has the annotations %q", used)
	}
	for _, annotation := range slices.Compact(used) {
		if !strings.Contains(string(known), annotation) {
			t.Errorf("ingress-nginx does not document %s", annotation)
		}
	}
}

// The pods of the tunnel run under the restricted profile, beside the operator.
func TestTheTunnelIsRestricted(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	before := client.MergeFrom(restricted.DeepCopy())
	restricted.Labels = map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	if err := cluster.Client.Patch(t.Context(), restricted, before); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(controlplane.Root(), "examples", "ingress", "cloudflare.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range documents(t, string(text)) {
		if object.GetKind() != "Deployment" {
			continue
		}
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &d); err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tunnel"}, Spec: d.Spec.Template.Spec}
		if err := cluster.Client.Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Error(err)
		}
		return
	}
	t.Error("there is no Deployment")
}

// Behind a proxy only its namespace may reach the webhook's port, and everything else is as installed.
func TestOnlyTheProxyMayPost(t *testing.T) {
	t.Parallel()
	want := rendered(t, "config/split").networkPolicies
	for i := range want {
		if want[i].Name == "tollkeeper-receiver" {
			want[i].Spec.Ingress[0].From = []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": "ingress-nginx"},
			}}}
		}
	}
	if diff := cmp.Diff(want, rendered(t, "examples/ingress/behind_proxy").networkPolicies); diff != "" {
		t.Errorf("the network policies (-want +got):\n%s", diff)
	}
}
