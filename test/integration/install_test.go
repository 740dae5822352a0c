package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// The names that config/ gives.
const (
	installed          = "tollkeeper-system"
	controllersAccount = "tollkeeper-controller-manager"
	receiverAccount    = "tollkeeper-receiver"
)

// Installed as config/split does it (which is config/default and a receiver apart), the operator runs under its own accounts, and neither
// they nor anybody else may do more than they must.
func TestAsInstalled(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), installed)); err != nil {
		t.Fatal(err)
	}
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "split"))
	policiesInForce(t)
	t.Run("the whole flow under its own account", wholeFlow)
	t.Run("the whole flow in two parts", flowInTwoParts)
	t.Run("what is refused", refusals)
	t.Run("what each account may do", func(t *testing.T) { accountsMayDo(t, kubeconfig) })
	t.Run("pods", podSecurity)
	t.Run("ports", networkPolicies)
}

func adminKubeconfig(t *testing.T) string {
	t.Helper()
	content, err := cluster.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// policiesInForce waits until the admission policies have their effect, which the API server gives them a moment after they are made.
func policiesInForce(t *testing.T) {
	t.Helper()
	o := &operator{t: t, namespace: installed}
	manager := clientOf(t, controllersAccount)
	o.eventually("the policies are in force", func() string {
		if err := cluster.Client.Create(t.Context(), aBillingEvent("evt-policy"), client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("an administrator creates a BillingEvent: %v", err)
		}
		if err := manager.Create(t.Context(), aSecret(corev1.SecretTypeOpaque), client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("the manager creates an opaque Secret: %v", err)
		}
		return ""
	})
}

func aBillingEvent(name string) *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: name},
		Spec: v1alpha1.BillingEventSpec{EventID: "evt_1", Type: "customer.created", Created: metav1.Now(),
			PayloadSHA256: strings.Repeat("0", 64)},
	}
}

func aSecret(kind corev1.SecretType) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: "a-secret",
		Annotations: map[string]string{corev1.ServiceAccountNameKey: controllersAccount}}, Type: kind}
}

// tokenOf is a token of a ServiceAccount, as a pod has it.
func tokenOf(t *testing.T, account string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: account}}
	if err := cluster.Client.SubResource("token").Create(t.Context(), object, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func clientOf(t *testing.T, account string) client.Client {
	t.Helper()
	access := &rest.Config{Host: cluster.Config.Host, BearerToken: tokenOf(t, account), QPS: -1}
	access.CAData = cluster.Config.CAData
	c, err := client.New(access, client.Options{Scheme: app.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kubeconfigOf lets a process be the ServiceAccount.
func kubeconfigOf(t *testing.T, account string) []byte {
	t.Helper()
	access := clientcmdapi.NewConfig()
	access.Clusters["x"] = &clientcmdapi.Cluster{Server: cluster.Config.Host, CertificateAuthorityData: cluster.Config.CAData}
	access.AuthInfos["x"] = &clientcmdapi.AuthInfo{Token: tokenOf(t, account)}
	access.Contexts["x"] = &clientcmdapi.Context{Cluster: "x", AuthInfo: "x"}
	access.CurrentContext = "x"
	content, err := clientcmd.Write(*access)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// wholeFlow: a sign-up by events and backfill, two e-mails, a repair, a retry, and metrics for those who may read them.
func wholeFlow(t *testing.T) {
	world := signUp()
	_, ask := stripe(t, world)
	_, send := mailgun(t)
	address, metricsAddress := freeAddress(t), freeAddress(t)
	process := startProcessWith(t, kubeconfigOf(t, controllersAccount), installed, ask, send, func(c *config.Config) {
		c.ReceiverBindAddress, c.MetricsBindAddress, c.MetricsSecure, c.LeaderElect = address, metricsAddress, true, true
	})
	defer process.kill()
	o := &operator{t: t, namespace: installed, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	broken := Event{ID: "evt_Broken", Type: "invoice.paid", Created: time.Now(), Shape: New,
		Object: Object{"id": "in_1", "object": "invoice", "customer": world.Objects("customer")[0].ID(), "amount_due": "a lot"}}
	<-o.deliver(append(world.Events(), broken))
	o.checkpoint("platform", newest(world))
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
	o.mailed(v1alpha1.EmailWelcome, "True Accepted")
	o.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
	sub := world.Objects("subscription")[0].ID()
	world.Amend(sub, func(s Object) { s["status"] = "unpaid" })
	o.annotate(o.customer(world.Objects("customer")[0].ID()), v1alpha1.AnnotationResync, "now")
	o.inSync(sub, "True Repaired")
	o.annotate(o.event("evt_Broken"), v1alpha1.AnnotationRetry, "now") // a person may
	o.eventually("it is tried again", func() string {
		if o.event("evt_Broken").Status.Retried != "now" {
			return "it is not"
		}
		return ""
	})
	metricsAnswer(t, metricsAddress)
}

// metricsAnswer: nobody, somebody, and who may read the metrics.
func metricsAnswer(t *testing.T, address string) {
	t.Helper()
	for _, name := range []string{"somebody", "prometheus"} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: name}}
		if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), account)); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus-reads-tollkeeper"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "tollkeeper-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: installed, Name: "prometheus"}},
	})); err != nil {
		t.Fatal(err)
	}
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // its certificate is of its own making
	defer insecure.CloseIdleConnections()
	// A token that nobody has issued is an error to the library that asks the API server about it; it shows nothing all the same.
	for token, want := range map[string]int{"": 401, "made-up": 500, tokenOf(t, "somebody"): 403, tokenOf(t, "prometheus"): 200} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := insecure.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("the metrics are answered %d, want %d", response.StatusCode, want)
		}
	}
}

// flowInTwoParts: one process takes the events in, the other does the rest.
func flowInTwoParts(t *testing.T) {
	server, send := mailgun(t)
	world := NewWorld(time.Now().Add(-time.Minute), New, 2)
	world.Name = "Parts"
	world.Do(SignUp)
	address := freeAddress(t)
	receives := startProcessWith(t, kubeconfigOf(t, receiverAccount), installed, func(c *config.Config) {
		c.Components, c.ReceiverBindAddress = config.Components{Receiver: true}, address
	})
	controls := startProcessWith(t, kubeconfigOf(t, controllersAccount), installed, send, func(c *config.Config) {
		c.Components, c.Stripe.EndpointSecrets = config.Components{Controllers: true}, nil
	})
	defer receives.kill()
	defer controls.kill()
	o := &operator{t: t, namespace: installed, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	<-o.deliver(world.Events())
	o.settled()
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
	o.eventually("both e-mails are sent", func() string {
		return cmp.Diff(bothSubjects, subjects(server.Messages()))
	})
}

// refusals: what the accounts, people, and other workloads may not do.
func refusals(t *testing.T) {
	o := &operator{t: t, namespace: installed}
	one := o.events()[0]
	status := func(c client.Client) error {
		e := one.DeepCopy()
		e.Status.Outcome = v1alpha1.OutcomePending
		return c.Status().Update(t.Context(), e, client.DryRunAll)
	}
	label := func(c client.Client) error {
		e := one.DeepCopy()
		e.Labels = map[string]string{"x": "y"}
		return c.Update(t.Context(), e, client.DryRunAll)
	}
	create := func(object client.Object) func(client.Client) error {
		return func(c client.Client) error { return c.Create(t.Context(), object, client.DryRunAll) }
	}
	key := func(namespace string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: "any"} }
	for who, attempts := range map[string]map[string]func(client.Client) error{
		"": { // an administrator
			"create a BillingEvent":        create(aBillingEvent("evt-x")),
			"change a BillingEvent status": status,
			"change a BillingEvent label":  label,
		},
		controllersAccount: {
			"create an opaque Secret": create(aSecret(corev1.SecretTypeOpaque)),
			"create a token Secret":   create(aSecret(corev1.SecretTypeServiceAccountToken)),
			"list Secrets": func(c client.Client) error {
				return c.List(t.Context(), &corev1.SecretList{}, client.InNamespace(installed))
			},
			"read a Secret elsewhere":      func(c client.Client) error { return c.Get(t.Context(), key("kube-system"), &corev1.Secret{}) },
			"read another ConfigMap":       func(c client.Client) error { return c.Get(t.Context(), key(installed), &corev1.ConfigMap{}) },
			"delete a BillingEvent":        func(c client.Client) error { return c.Delete(t.Context(), one.DeepCopy(), client.DryRunAll) },
			"change a BillingEvent":        label,
			"create a Pod":                 create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: "x"}}),
			"grant itself a role":          create(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: "x"}}),
			"create a Customer elsewhere":  create(&v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x"}}),
			"list the Customers elsewhere": func(c client.Client) error { return c.List(t.Context(), &v1alpha1.CustomerList{}) },
		},
		receiverAccount: {
			"change a BillingEvent status": status,
			"change a BillingEvent":        label,
			"list BillingEvents": func(c client.Client) error {
				return c.List(t.Context(), &v1alpha1.BillingEventList{}, client.InNamespace(installed))
			},
			"read a Secret":     func(c client.Client) error { return c.Get(t.Context(), key(installed), &corev1.Secret{}) },
			"read a Customer":   func(c client.Client) error { return c.Get(t.Context(), key(installed), &v1alpha1.Customer{}) },
			"create a Customer": create(&v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: installed, Name: "x"}}),
		},
	} {
		c := cluster.Client.(client.Client)
		if who != "" {
			c = clientOf(t, who)
		}
		for what, attempt := range attempts {
			if err := attempt(c); !apierrors.IsForbidden(err) {
				t.Errorf("%q may %s: %v", who, what, err)
			}
		}
	}
	annotated := one.DeepCopy()
	annotated.Annotations = map[string]string{v1alpha1.AnnotationRetry: "again"}
	if err := cluster.Client.Update(t.Context(), annotated, client.DryRunAll); err != nil {
		t.Errorf("a person cannot ask for another try: %v", err)
	}
}

// right is one thing that an account may do.
type right struct{ Resource, Name, Verb string }

// accountsMayDo compares the table in the documentation with what kubectl says.
func accountsMayDo(t *testing.T, kubeconfig string) {
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]map[right]bool{controllersAccount: {}, receiverAccount: {}}
	for _, row := range regexp.MustCompile("(?m)^\\| `(tollkeeper-[a-z-]+)` \\| `([^`]+)` \\| ([^|]*) \\| ([^|]+) \\|").FindAllStringSubmatch(string(page), -1) {
		for verb := range strings.SplitSeq(row[4], ", ") {
			table[row[1]][right{row[2], strings.TrimSpace(row[3]), strings.TrimSpace(verb)}] = true
		}
	}
	everybody := listed(kubectl(t, kubeconfig, "auth", "can-i", "--list", "--as=system:serviceaccount:"+installed+":nobody", "-n", installed))
	for account, rights := range table {
		as := "--as=system:serviceaccount:" + installed + ":" + account
		if len(rights) == 0 {
			t.Errorf("the documentation says nothing of %s", account)
		}
		got := listed(kubectl(t, kubeconfig, "auth", "can-i", "--list", as, "-n", installed))
		maps.DeleteFunc(got, func(r right, _ bool) bool { return everybody[r] })
		if diff := cmp.Diff(rights, got); diff != "" {
			t.Errorf("%s (-documented +kubectl auth can-i --list):\n%s", account, diff)
		}
		for r := range rights {
			resource := r.Resource
			if r.Name != "" {
				resource += "/" + r.Name
			}
			arguments := []string{"auth", "can-i", r.Verb, resource, as, "-n", installed}
			if kind, sub, isSub := strings.Cut(r.Resource, "/"); isSub {
				arguments[3] = kind
				arguments = append(arguments, "--subresource="+sub)
			}
			if out := kubectl(t, kubeconfig, arguments...); out != "yes\n" {
				t.Errorf("kubectl %s: %s", strings.Join(arguments, " "), out)
			}
		}
	}
}

// listed reads what `kubectl auth can-i --list` prints.
func listed(out string) map[right]bool {
	rights := map[right]bool{}
	for _, row := range regexp.MustCompile(`(?m)^(\S+) +\[\] +\[([^\]]*)\] +\[([^\]]*)\]$`).FindAllStringSubmatch(out, -1) {
		for verb := range strings.FieldsSeq(row[3]) {
			rights[right{row[1], row[2], verb}] = true
		}
	}
	return rights
}

// podSecurity: the pods are let in under the restricted profile, and one that asks for more is not.
func podSecurity(t *testing.T) {
	for _, d := range deployments(t) {
		pod := &corev1.Pod{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}
		pod.Namespace, pod.Name = installed, "a-pod"
		if err := cluster.Client.Create(t.Context(), pod.DeepCopy(), client.DryRunAll); err != nil {
			t.Errorf("the pod of %s: %v", d.Name, err)
		}
		for _, c := range pod.Spec.Containers {
			if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
				t.Errorf("the container %s of %s may write to its root", c.Name, d.Name)
			}
		}
		if *d.Spec.Replicas < 2 || len(d.Spec.Template.Spec.TopologySpreadConstraints) == 0 {
			t.Errorf("%s has %d replicas, and spreads by %v", d.Name, *d.Spec.Replicas, d.Spec.Template.Spec.TopologySpreadConstraints)
		}
		pod.Spec.Containers[0].SecurityContext.Privileged = new(true)
		pod.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
		if err := cluster.Client.Create(t.Context(), pod, client.DryRunAll); !apierrors.IsForbidden(err) {
			t.Errorf("a privileged pod of %s: %v", d.Name, err)
		}
	}
}

func deployments(t *testing.T) []appsv1.Deployment {
	t.Helper()
	var list appsv1.DeploymentList
	if err := cluster.Client.List(t.Context(), &list, client.InNamespace(installed)); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 2 {
		t.Fatalf("%d Deployments are installed, want 2", len(list.Items))
	}
	return list.Items
}

// networkPolicies: every port that a pod has is let in, by a policy that selects it, except that of the kubelet's probes; and no other.
func networkPolicies(t *testing.T) {
	var policies networkingv1.NetworkPolicyList
	if err := cluster.Client.List(context.Background(), &policies, client.InNamespace(installed)); err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments(t) {
		var have, let []string
		for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
			if port.Name != "health" {
				have = append(have, port.Name)
			}
		}
		for _, p := range policies.Items {
			selector, err := metav1.LabelSelectorAsMap(&p.Spec.PodSelector)
			if err != nil {
				t.Fatal(err)
			}
			if selector["control-plane"] != d.Spec.Template.Labels["control-plane"] {
				continue
			}
			if !slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
				t.Errorf("%s lets everything out", p.Name)
			}
			for _, rule := range p.Spec.Ingress {
				for _, port := range rule.Ports {
					let = append(let, port.Port.String())
				}
			}
		}
		slices.Sort(have)
		slices.Sort(let)
		if diff := cmp.Diff(have, let); diff != "" {
			t.Errorf("the ports of %s (-it has +let in):\n%s", d.Name, diff)
		}
	}
}
