package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// helm runs bin/helm on the chart's cluster, and returns what it prints.
func helm(t *testing.T, kubeconfig string, arguments ...string) string {
	t.Helper()
	binary := filepath.Join(controlplane.Root(), "bin", "helm")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("run `make bin/helm`: %v", err)
	}
	command := exec.CommandContext(t.Context(), binary, append(arguments, "--kubeconfig="+kubeconfig)...)
	home := t.TempDir()
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	command.Dir = controlplane.Root()
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		t.Fatalf("helm %s: %v\n%s%s", strings.Join(arguments, " "), err, out.String(), problems.String())
	}
	return out.String()
}

// everyFeature turns on what is off by default, apart from what needs the CRDs of the Prometheus Operator.
const everyFeature = "--set=ingress.enabled=true,ingress.host=billing.example.com,metrics.dashboards.enabled=true," +
	"httpRoute.enabled=true,httpRoute.parentRefs[0].name=gateway,httpRoute.hostnames={billing.example.com}"

// A real API server accepts what the chart renders, and admits the pods under the restricted profile.
func TestTheChartIsAccepted(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), "helm-dry")); err != nil {
		t.Fatal(err)
	}
	installCRD(t, kubeconfig, filepath.Join(moduleFolder(t, "sigs.k8s.io/gateway-api@v1.5.0"), "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"))
	for _, split := range []string{"true", "false"} {
		rendered := filepath.Join(t.TempDir(), "rendered.yaml")
		text := helm(t, kubeconfig, "template", "tollkeeper", "charts/tollkeeper", "--namespace=helm-dry", "--set=split="+split, everyFeature)
		if err := os.WriteFile(rendered, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fits(t, kubeconfig, rendered)
		out := kubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", rendered)
		for line := range strings.Lines(out) {
			if !strings.HasSuffix(line, "serverside-applied (server dry run)\n") {
				t.Errorf("kubectl printed: %s", line)
			}
		}
	}
}

// Two releases, for the two modes of Stripe, work beside each other. The second one takes the CRDs of the first one.
func TestTwoReleases(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	both := [2]*installed{
		{namespace: "helm-test", prefix: "tollkeeper-", secret: "whsec_helm_test"},
		{namespace: "helm-live", prefix: "live-tollkeeper-", secret: "whsec_helm_live", isLive: true},
	}
	// The tests' control plane has the CRDs already, as after an installation with kustomize.
	helm(t, kubeconfig, "upgrade", "--install", "tollkeeper", "charts/tollkeeper", "--namespace=helm-test", "--create-namespace", "--take-ownership")
	helm(t, kubeconfig, "upgrade", "--install", "live", "charts/tollkeeper", "--namespace=helm-live", "--create-namespace", "--set=crds.enabled=false")
	workBeside(t, both)
}

// A release takes over an installation with kustomize, is installed, upgraded, rolled back, uninstalled and installed again. The CRDs and
// the customers stay.
func TestTheLifeOfARelease(t *testing.T) {
	plane, err := controlplane.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	const namespace = "tollkeeper-system"
	kubeconfig := kubeconfigFor(t, plane)
	install := func(arguments ...string) {
		helm(t, kubeconfig, append([]string{"upgrade", "--install", "tollkeeper", "charts/tollkeeper", "--namespace=" + namespace, "--create-namespace"}, arguments...)...)
	}
	// Before, there was an installation with kustomize. One CRD is missing, and one is of an earlier version.
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "default"))
	kubectl(t, kubeconfig, "delete", "crd", "emails.billing.tollkeeper.dev")
	kubectl(t, kubeconfig, "patch", "crd", "customers.billing.tollkeeper.dev", "--type=json",
		`-p=[{"op":"replace","path":"/spec/versions/0/additionalPrinterColumns","value":[]}]`)
	install("--take-ownership", "--force-conflicts")
	if columns := kubectl(t, kubeconfig, "get", "crd", "customers.billing.tollkeeper.dev", "-o=jsonpath={.spec.versions[0].additionalPrinterColumns}"); columns == "" {
		t.Error("the chart does not upgrade the CRDs")
	}
	customer := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "cus-x"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_X"}}
	if err := plane.Client.Create(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
	argumentsOf := func(deployment string) string {
		return kubectl(t, kubeconfig, "-n", namespace, "get", "deployment", deployment, "-o=jsonpath={.spec.template.spec.containers[0].args}", "--ignore-not-found")
	}
	install("--set=flags.grace-period=336h,split=false")
	if args := argumentsOf("tollkeeper-controller-manager"); !strings.Contains(args, "--grace-period=336h") || !strings.Contains(args, "--receiver-bind-address") {
		t.Errorf("after the upgrade the arguments are %s", args)
	}
	if args := argumentsOf("tollkeeper-receiver"); args != "" {
		t.Errorf("in combined mode there is a receiver with %s", args)
	}
	helm(t, kubeconfig, "rollback", "tollkeeper", "1", "--namespace="+namespace)
	if args := argumentsOf("tollkeeper-controller-manager"); strings.Contains(args, "--grace-period") || !strings.Contains(args, "--components=controllers") {
		t.Errorf("after the rollback the arguments are %s", args)
	}
	if args := argumentsOf("tollkeeper-receiver"); !strings.Contains(args, "--components=receiver") {
		t.Errorf("after the rollback the receiver's arguments are %s", args)
	}
	helm(t, kubeconfig, "uninstall", "tollkeeper", "--namespace="+namespace)
	left := kubectl(t, kubeconfig, "get", "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings", "-l=app.kubernetes.io/name=tollkeeper", "-o=name")
	left += kubectl(t, kubeconfig, "-n", namespace, "get", "deployments,services,roles,rolebindings,serviceaccounts,networkpolicies,poddisruptionbudgets,ingresses", "-l=app.kubernetes.io/name=tollkeeper", "-o=name")
	if left != "" {
		t.Errorf("after the uninstallation there are still:\n%s", left)
	}
	if err := plane.Client.Get(t.Context(), client.ObjectKeyFromObject(customer), &v1alpha1.Customer{}); err != nil {
		t.Errorf("the customer is gone: %v", err)
	}
	install()
	if args := argumentsOf("tollkeeper-receiver"); args == "" {
		t.Error("after the second installation there is no receiver")
	}
}
