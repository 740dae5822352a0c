package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
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
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// The names in config/.
const (
	installedNamespace = "tollkeeper-system"
	controllersAccount = "tollkeeper-controller-manager"
	receiverAccount    = "tollkeeper-receiver"
	scraperAccount     = "tollkeeper-metrics-scraper"
)

// Installed with config/split (config/default with a separate receiver), the operator works with its own accounts.
// Neither these nor other accounts have more rights than they need.
func TestAsInstalled(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), installedNamespace)); err != nil {
		t.Fatal(err)
	}
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "split"))
	kubectl(t, kubeconfig, "apply", "--server-side", "-f", filepath.Join(controlplane.Root(), "config", "prometheus", "account.yaml"))
	policiesInForce(t, installedNamespace)
	t.Cleanup(func() { emptyInstalled(t) })
	t.Run("the whole flow with its own account", wholeFlow)
	t.Run("the whole flow in two processes", flowInTwoProcesses)
	t.Run("what is refused", refusals)
	t.Run("what the policies refuse", policyRefusals)
	t.Run("the application that consumes links", consumerRights)
	t.Run("the tenant controller", tenantControllerRights)
	t.Run("what each account may do", func(t *testing.T) { compareRights(t, kubeconfig) })
	t.Run("pods", podSecurity)
	t.Run("the plugin", pluginAsInstalled)
}

// emptyInstalled deletes all objects in the namespace, so that the test can run again.
func emptyInstalled(t *testing.T) {
	t.Helper()
	c := clientAs(t, "namespace-controller")
	for _, kind := range []client.Object{
		&v1alpha1.BillingEvent{}, &v1alpha1.Customer{}, &v1alpha1.Subscription{}, &v1alpha1.Email{}, &v1alpha1.PasswordReset{}, &corev1.ConfigMap{},
	} {
		if err := c.DeleteAllOf(context.Background(), kind, client.InNamespace(installedNamespace)); err != nil {
			t.Errorf("delete every %T of the namespace: %v", kind, err)
		}
	}
}

// Installed into another namespace with an overlay, the policies are in force there. They also stay in force in the
// first namespace, although both share the bindings.
func TestInAnotherNamespace(t *testing.T) {
	const another = "tollkeeper-elsewhere"
	kubeconfig := adminKubeconfig(t)
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "split"))
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", overlay(t, "namespace: "+another, "config/split"))
	policiesInForce(t, another)
	policiesInForce(t, installedNamespace)
}

func adminKubeconfig(t *testing.T) string {
	t.Helper()
	return kubeconfigFor(t, cluster)
}

// kubeconfigFor writes a kubeconfig file with the rights of an administrator, and returns its path.
func kubeconfigFor(t *testing.T, plane *controlplane.ControlPlane) string {
	t.Helper()
	content, err := plane.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// policiesInForce waits until the API server enforces the admission policies, which takes a moment after they are
// created.
func policiesInForce(t *testing.T, namespace string) {
	t.Helper()
	policiesKnow(t, namespace, controllersAccount)
}

// policiesKnow is policiesInForce with another name of the controllers' account.
func policiesKnow(t *testing.T, namespace, controllers string) {
	t.Helper()
	o := &operator{t: t, namespace: namespace}
	admin, manager := client.Client(cluster.Client), clientOf(t, namespace, controllers)
	customer := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a-customer"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_1"}}
	if err := client.IgnoreAlreadyExists(admin.Create(t.Context(), customer)); err != nil {
		t.Fatal(err)
	}
	o.eventually("the policies are in force in "+namespace, func() string {
		if err := admin.Create(t.Context(), aBillingEvent(namespace, "evt-policy"), client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("an administrator may create a BillingEvent: %v", err)
		}
		if err := entitle(t.Context(), admin, customer); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("an administrator may entitle a customer: %v", err)
		}
		reset := &v1alpha1.PasswordReset{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a-reset"},
			Spec: v1alpha1.PasswordResetSpec{CustomerRef: v1alpha1.ObjectReference{Name: "a-customer"}, CustomerID: "cus_1"}}
		if err := admin.Create(t.Context(), reset, client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("an administrator may create a PasswordReset: %v", err)
		}
		email := &v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "an-email"},
			Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "a-customer"}, Purpose: v1alpha1.EmailWelcome}}
		if err := admin.Create(t.Context(), email, client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("an administrator may create an Email: %v", err)
		}
		if err := patch(t, customer, owned)(admin); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("an administrator may give a Customer an owner: %v", err)
		}
		configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a-configmap"}}
		if err := manager.Create(t.Context(), configMap, client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("the manager may create any ConfigMap: %v", err)
		}
		return ""
	})
	if err := manager.Create(t.Context(), aBillingEvent(namespace, "evt-policy"), client.DryRunAll); err != nil {
		t.Errorf("the manager cannot create a BillingEvent in %s: %v", namespace, err)
	}
	if err := admin.Delete(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
}

// entitle tries to write the condition Entitled.
func entitle(ctx context.Context, c client.Client, customer *v1alpha1.Customer) error {
	customer = customer.DeepCopy()
	customer.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: metav1.ConditionTrue, Reason: "Forged",
		LastTransitionTime: metav1.Now()}}
	return c.Status().Update(ctx, customer, client.DryRunAll)
}

func aBillingEvent(namespace, name string) *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: naming.Labels("customer.created", "", "")},
		Spec: v1alpha1.BillingEventSpec{EventID: "evt_1", Type: "customer.created", Created: metav1.Now(),
			PayloadSHA256: strings.Repeat("0", 64)},
	}
}

// tokenOf returns a token of a ServiceAccount, like that of a pod.
func tokenOf(t *testing.T, namespace, account string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	if err := cluster.Client.SubResource("token").Create(t.Context(), object, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// clientOf returns a client with the token of a ServiceAccount.
func clientOf(t *testing.T, namespace, account string) client.Client {
	t.Helper()
	return clientFor(t, accessOf(t, namespace, account))
}

// accessOf is how a ServiceAccount reaches the API server, with its token.
func accessOf(t *testing.T, namespace, account string) *rest.Config {
	t.Helper()
	access := &rest.Config{Host: cluster.Config.Host, BearerToken: tokenOf(t, namespace, account), QPS: -1}
	access.CAData = cluster.Config.CAData
	return access
}

// clientAs returns a client with the account of one of Kubernetes' own controllers, none of which runs here.
func clientAs(t *testing.T, account string) client.Client {
	t.Helper()
	access := rest.CopyConfig(cluster.Config)
	access.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:kube-system:" + account}
	return clientFor(t, access)
}

func clientFor(t *testing.T, access *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(access, client.Options{Scheme: app.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kubeconfigOf returns a kubeconfig file with the token of a ServiceAccount of the namespace tollkeeper-system.
func kubeconfigOf(t *testing.T, account string) []byte {
	t.Helper()
	return kubeconfigIn(t, installedNamespace, account)
}

// kubeconfigIn is kubeconfigOf in another namespace.
func kubeconfigIn(t *testing.T, namespace, account string) []byte {
	t.Helper()
	access := clientcmdapi.NewConfig()
	access.Clusters["x"] = &clientcmdapi.Cluster{Server: cluster.Config.Host, CertificateAuthorityData: cluster.Config.CAData}
	access.AuthInfos["x"] = &clientcmdapi.AuthInfo{Token: tokenOf(t, namespace, account)}
	access.Contexts["x"] = &clientcmdapi.Context{Cluster: "x", AuthInfo: "x"}
	access.CurrentContext = "x"
	content, err := clientcmd.Write(*access)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// wholeFlow runs a sign-up by events and backfill, two e-mails, a repair, a retry, and reads the metrics.
func wholeFlow(t *testing.T) {
	world := signUp()
	_, withStripe := stripe(t, world)
	_, withMailgun := mailgun(t)
	address, metricsAddress := freeAddress(t), freeAddress(t)
	process := startProcessWith(t, kubeconfigOf(t, controllersAccount), installedNamespace, withStripe, withMailgun, func(c *config.Config) {
		c.ReceiverBindAddress, c.MetricsBindAddress, c.MetricsSecure, c.LeaderElect = address, metricsAddress, true, true
	})
	defer process.kill()
	o := &operator{t: t, namespace: installedNamespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	broken := Event{ID: "evt_Broken", Type: "invoice.paid", Created: time.Now(), Shape: New,
		Object: Object{"id": "in_1", "object": "invoice", "customer": world.Objects("customer")[0].ID(), "status": 7}}
	<-o.deliver(append(world.Events(), broken))
	o.checkpoint("platform", newest(world))
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	sub := world.Objects("subscription")[0].ID()
	world.Amend(sub, func(s Object) { s["status"] = "unpaid" })
	o.annotate(o.customer(world.Objects("customer")[0].ID()), v1alpha1.AnnotationResync, "now")
	o.inSync(sub, "True Repaired")
	o.annotate(o.event("evt_Broken"), v1alpha1.AnnotationRetry, "now") // users may do this
	o.eventually("the event is retried", func() string {
		if o.event("evt_Broken").Status.Retried != "now" {
			return "it is not"
		}
		return ""
	})
	checkMetricsAccess(t, metricsAddress)
}

// checkMetricsAccess requests the metrics without a token, with an unknown one, with one without the right, and with
// one with the right.
func checkMetricsAccess(t *testing.T, address string) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "without-rights"}}
	if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), account)); err != nil {
		t.Fatal(err)
	}
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the certificate is self-signed
	defer insecure.CloseIdleConnections()
	// For an unknown token the library answers 500 instead of 401, and shows no metrics either.
	for token, want := range map[string]int{"": 401, "made-up": 500, tokenOf(t, installedNamespace, "without-rights"): 403, tokenOf(t, installedNamespace, scraperAccount): 200} {
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
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != want {
			t.Errorf("the answer is %d, want %d: %v", response.StatusCode, want, err)
		}
		const leads = `leader_election_master_status{name="leader.billing.tollkeeper.dev"} 1` // the series that the alert uses
		if got := strings.Contains(string(text), leads+"\n"); got != (want == http.StatusOK) {
			t.Errorf("answer %d contains the leader's metric: %t", want, got)
		}
	}
}

// flowInTwoProcesses runs the receiver and the controllers in separate processes.
func flowInTwoProcesses(t *testing.T) {
	server, withMailgun := mailgun(t)
	world := NewWorld(time.Now().Add(-time.Minute), New, 2)
	world.Name = "Parts"
	world.Do(SignUp)
	address := freeAddress(t)
	receiverProcess := startProcessWith(t, kubeconfigOf(t, receiverAccount), installedNamespace, func(c *config.Config) {
		c.Components, c.ReceiverBindAddress = config.Components{Receiver: true}, address
	})
	application, withSink := applicationFor(t)
	controllersProcess := startProcessWith(t, kubeconfigOf(t, controllersAccount), installedNamespace, withMailgun, withSink, func(c *config.Config) {
		c.Components, c.Stripe.EndpointSecrets = config.Components{Controllers: true}, nil
	})
	defer receiverProcess.kill()
	defer controllersProcess.kill()
	o := &operator{t: t, namespace: installedNamespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	<-o.deliver(world.Events())
	o.settled()
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
	o.eventually("both e-mails are sent", func() string {
		return cmp.Diff(bothSubjects, subjects(server.Messages()))
	})
	o.eventually("the application is notified", func() string {
		for _, n := range application.notifications() {
			if n.says() == world.Objects("customer")[0].ID()+" True SubscriptionActive" {
				return ""
			}
		}
		return fmt.Sprintf("it was notified of %v", application.notifications())
	})
}

// refusals tries what the accounts and administrators may not do.
func refusals(t *testing.T) {
	o := &operator{t: t, namespace: installedNamespace}
	event := o.events()[0]
	altered := func(alter func(*v1alpha1.BillingEvent)) func(client.Client) error {
		return func(c client.Client) error {
			e := event.DeepCopy()
			alter(e)
			return c.Update(t.Context(), e, client.DryRunAll)
		}
	}
	status := func(c client.Client) error {
		e := event.DeepCopy()
		e.Status.Outcome = v1alpha1.OutcomePending
		return c.Status().Update(t.Context(), e, client.DryRunAll)
	}
	remove := func(c client.Client) error { return c.Delete(t.Context(), event.DeepCopy(), client.DryRunAll) }
	removeAll := func(c client.Client) error {
		return c.DeleteAllOf(t.Context(), &v1alpha1.BillingEvent{}, client.InNamespace(installedNamespace), client.DryRunAll)
	}
	label := altered(func(e *v1alpha1.BillingEvent) { e.Labels = map[string]string{"x": "y"} })
	create := func(object client.Object) func(client.Client) error {
		return func(c client.Client) error { return c.Create(t.Context(), object, client.DryRunAll) }
	}
	key := client.ObjectKey{Namespace: installedNamespace, Name: "any"}
	for account, attempts := range map[string]map[string]func(client.Client) error{
		"": { // an administrator
			"create a BillingEvent":        create(aBillingEvent(installedNamespace, "evt-x")),
			"change a BillingEvent status": status,
			"change a BillingEvent label":  label,
			"give a BillingEvent an owner that does not exist": altered(func(e *v1alpha1.BillingEvent) {
				e.OwnerReferences = []metav1.OwnerReference{anOwner("gone")}
			}),
			"give a BillingEvent a finalizer": altered(func(e *v1alpha1.BillingEvent) { e.Finalizers = []string{"example.com/x"} }),
			"delete a BillingEvent":           remove,
			"delete all BillingEvents":        removeAll,
			"entitle a customer": func(c client.Client) error {
				return entitle(t.Context(), c, &listInstalled[v1alpha1.CustomerList](t).Items[0])
			},
			"change a Subscription status": func(c client.Client) error {
				subscription := &listInstalled[v1alpha1.SubscriptionList](t).Items[0]
				subscription.Status.Status = "active"
				return c.Status().Update(t.Context(), subscription, client.DryRunAll)
			},
			"make an e-mail be sent again": func(c client.Client) error {
				email := &listInstalled[v1alpha1.EmailList](t).Items[0]
				email.Status = v1alpha1.EmailStatus{}
				return c.Status().Update(t.Context(), email, client.DryRunAll)
			},
		},
		controllersAccount: {
			"create a Secret": create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "x"}}),
			"read a Secret":   func(c client.Client) error { return c.Get(t.Context(), key, &corev1.Secret{}) },
			"list Secrets": func(c client.Client) error {
				return c.List(t.Context(), &corev1.SecretList{}, client.InNamespace(installedNamespace))
			},
			"read another ConfigMap": func(c client.Client) error { return c.Get(t.Context(), key, &corev1.ConfigMap{}) },
			"take another Lease": func(c client.Client) error {
				return c.Get(t.Context(), key, &coordinationv1.Lease{})
			},
			"delete all BillingEvents":     removeAll,
			"change a BillingEvent":        label,
			"create a Pod":                 create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "x"}}),
			"grant itself a role":          create(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "x"}}),
			"create a Customer elsewhere":  create(&v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x"}}),
			"list the Customers elsewhere": func(c client.Client) error { return c.List(t.Context(), &v1alpha1.CustomerList{}) },
		},
		receiverAccount: {
			"change a BillingEvent status": status,
			"change a BillingEvent":        label,
			"delete a BillingEvent":        remove,
			"list BillingEvents": func(c client.Client) error {
				return c.List(t.Context(), &v1alpha1.BillingEventList{}, client.InNamespace(installedNamespace))
			},
			"read a Secret":     func(c client.Client) error { return c.Get(t.Context(), key, &corev1.Secret{}) },
			"read a Customer":   func(c client.Client) error { return c.Get(t.Context(), key, &v1alpha1.Customer{}) },
			"create a Customer": create(&v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "x"}}),
		},
		scraperAccount: {
			"read a Secret": func(c client.Client) error { return c.Get(t.Context(), key, &corev1.Secret{}) },
			"read a BillingEvent": func(c client.Client) error {
				return c.Get(t.Context(), key, &v1alpha1.BillingEvent{})
			},
		},
	} {
		c := client.Client(cluster.Client)
		if account != "" {
			c = clientOf(t, installedNamespace, account)
		}
		for what, attempt := range attempts {
			if err := attempt(c); !apierrors.IsForbidden(err) {
				t.Errorf("%q may %s: %v", account, what, err)
			}
		}
	}
	t.Run("what is allowed", func(t *testing.T) { permitted(t, &event, removeAll) })
}

// permitted tries what users and the controllers of Kubernetes may do.
func permitted(t *testing.T, event *v1alpha1.BillingEvent, removeAll func(client.Client) error) {
	annotated := event.DeepCopy()
	annotated.Annotations = map[string]string{v1alpha1.AnnotationRetry: "again"}
	if err := cluster.Client.Update(t.Context(), annotated, client.DryRunAll); err != nil {
		t.Errorf("a user cannot retry an event: %v", err)
	}
	customer := &listInstalled[v1alpha1.CustomerList](t).Items[0]
	customer.Spec.Access = v1alpha1.AccessGranted
	if err := cluster.Client.Update(t.Context(), customer, client.DryRunAll); err != nil {
		t.Errorf("a user cannot override access: %v", err)
	}
	owned := aBillingEvent(installedNamespace, "evt-owned")
	owned.OwnerReferences, owned.Finalizers = []metav1.OwnerReference{anOwner("one"), anOwner("two")}, []string{"example.com/x", "example.com/y"}
	withoutPolicies(t, installedNamespace, func() error { return cluster.Client.Create(t.Context(), owned) })
	collector := clientAs(t, "generic-garbage-collector")
	freed := owned.DeepCopy()
	freed.OwnerReferences, freed.Finalizers = freed.OwnerReferences[:1], freed.Finalizers[1:]
	if err := collector.Update(t.Context(), freed, client.DryRunAll); err != nil {
		t.Errorf("the garbage collector cannot remove an owner and a finalizer: %v", err)
	}
	if err := collector.Delete(t.Context(), owned, client.DryRunAll); err != nil {
		t.Errorf("the garbage collector cannot delete: %v", err)
	}
	owned.Finalizers = nil // so that emptyInstalled can delete it
	if err := collector.Update(t.Context(), owned); err != nil {
		t.Error(err)
	}
	if err := removeAll(clientAs(t, "namespace-controller")); err != nil {
		t.Errorf("the namespace controller cannot delete BillingEvents: %v", err)
	}
}

// listInstalled returns the objects of a kind in the operator's namespace, of which there must be at least one.
func listInstalled[L any, P interface {
	*L
	client.ObjectList
}](t *testing.T) *L {
	t.Helper()
	list := P(new(L))
	if err := cluster.Client.List(t.Context(), list, client.InNamespace(installedNamespace)); err != nil {
		t.Fatal(err)
	}
	if meta.LenList(list) == 0 {
		t.Fatalf("there is no %T", list)
	}
	return (*L)(list)
}

func anOwner(name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: name, UID: types.UID(name)}
}

// right is one verb that an account may use on a resource or a URL.
type right struct{ Resource, Name, Verb string }

const everywhere = "the cluster"

// compareRights compares the documented rights with those that kubectl lists, in the operator's namespace and in
// another one.
func compareRights(t *testing.T, kubeconfig string) {
	accounts := []string{controllersAccount, scraperAccount, receiverAccount}
	table := documentedRights(t)
	if diff := cmp.Diff(accounts, slices.Sorted(maps.Keys(table))); diff != "" {
		t.Fatalf("the documented accounts (-want +got):\n%s", diff)
	}
	rightsIn := func(namespace, account string) map[right]bool {
		return parseRights(kubectl(t, kubeconfig, "auth", "can-i", "--list", "--as=system:serviceaccount:"+installedNamespace+":"+account, "-n", namespace))
	}
	for _, namespace := range []string{installedNamespace, "default"} {
		ofEveryAccount := rightsIn(namespace, "unknown")
		for _, account := range accounts {
			want := map[right]bool{}
			for r, where := range table[account] {
				if namespace == installedNamespace || where == everywhere {
					want[r] = true
				}
			}
			got := rightsIn(namespace, account)
			maps.DeleteFunc(got, func(r right, _ bool) bool { return ofEveryAccount[r] })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in %s (-documented +kubectl auth can-i --list):\n%s", account, namespace, diff)
			}
		}
	}
	for _, account := range accounts {
		for r := range table[account] {
			if strings.HasSuffix(r.Resource, ".policies.tollkeeper.dev") {
				continue // kubectl asks about resources that the API server serves; --list has shown these
			}
			arguments := append(canI(r), "--as=system:serviceaccount:"+installedNamespace+":"+account, "-n", installedNamespace)
			if out := kubectl(t, kubeconfig, arguments...); out != "yes\n" {
				t.Errorf("kubectl %s: %s", strings.Join(arguments, " "), out)
			}
		}
	}
}

// canI returns the arguments of kubectl that ask for the right.
func canI(r right) []string {
	kind, sub, isSub := strings.Cut(r.Resource, "/")
	if isSub && kind != "" { // otherwise it is a URL
		return []string{"auth", "can-i", r.Verb, kind, "--subresource=" + sub}
	}
	if r.Name != "" {
		return []string{"auth", "can-i", r.Verb, r.Resource + "/" + r.Name}
	}
	return []string{"auth", "can-i", r.Verb, r.Resource}
}

// documentedRights reads the table in docs/security.md: by account and right, where the account has it.
func documentedRights(t *testing.T) map[string]map[right]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]map[right]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(tollkeeper-[a-z-]+)` \\| `([^`]+)` \\| ([^|]*) \\| ([^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(string(page), -1) {
		if table[row[1]] == nil {
			table[row[1]] = map[right]string{}
		}
		for verb := range strings.SplitSeq(row[4], ", ") {
			table[row[1]][right{row[2], strings.TrimSpace(row[3]), verb}] = row[5]
		}
	}
	return table
}

// parseRights parses the output of `kubectl auth can-i --list`: resource or URLs, names, and verbs.
func parseRights(out string) map[right]bool {
	rights := map[right]bool{}
	for _, row := range regexp.MustCompile(`(?m)^(\S*) +\[([^\]]*)\] +\[([^\]]*)\] +\[([^\]]*)\]$`).FindAllStringSubmatch(out, -1) {
		for _, what := range append(strings.Fields(row[2]), row[1]) {
			for verb := range strings.FieldsSeq(row[4]) {
				if what != "" {
					rights[right{what, row[3], verb}] = true
				}
			}
		}
	}
	return rights
}

// podSecurity checks that the API server admits the pods under the restricted profile, and rejects a privileged one.
func podSecurity(t *testing.T) {
	for _, d := range deployments(t) {
		pod := &corev1.Pod{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}
		pod.Namespace, pod.Name = installedNamespace, "a-pod"
		if err := cluster.Client.Create(t.Context(), pod.DeepCopy(), client.DryRunAll); err != nil {
			t.Errorf("the pod of %s: %v", d.Name, err)
		}
		for _, c := range pod.Spec.Containers {
			if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
				t.Errorf("the container %s of %s may write to its root file system", c.Name, d.Name)
			}
		}
		if *d.Spec.Replicas < 2 || len(d.Spec.Template.Spec.TopologySpreadConstraints) == 0 {
			t.Errorf("%s has %d replicas and the spread constraints %v", d.Name, *d.Spec.Replicas, d.Spec.Template.Spec.TopologySpreadConstraints)
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
	if err := cluster.Client.List(t.Context(), &list, client.InNamespace(installedNamespace)); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 2 {
		t.Fatalf("%d Deployments are installed, want 2", len(list.Items))
	}
	return list.Items
}
