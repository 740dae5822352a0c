package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// installed is one of several installations in the cluster.
type installed struct {
	namespace, prefix, secret string
	isLive                    bool
}

func (i *installed) controllers() string { return i.prefix + "controller-manager" }
func (i *installed) receiver() string    { return i.prefix + "receiver" }

// The installations of examples/two-installations, one for each mode of Stripe, work beside each other.
func TestTwoInstallations(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	both := [2]*installed{
		{namespace: "billing-test", prefix: "test-tollkeeper-", secret: "whsec_two_test"},
		{namespace: "billing-live", prefix: "live-tollkeeper-", secret: "whsec_two_live", isLive: true},
	}
	for _, mode := range []string{"test", "live"} {
		kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "examples", "two-installations", mode))
	}
	workBeside(t, both)
}

// workBeside runs two installations. Each handles the events of its own Stripe account, and neither can touch the other's
// resources.
func workBeside(t *testing.T, both [2]*installed) {
	t.Helper()
	var operators [2]*operator
	for n, i := range both {
		policiesKnow(t, i.namespace, i.controllers())
		operators[n] = i.start(t)
	}
	for n, i := range both {
		operators[n].handlesItsEvents(fmt.Sprintf("Two%d", n), i.isLive)
	}
	for n, o := range operators {
		var customers v1alpha1.CustomerList
		if err := cluster.Client.List(t.Context(), &customers, client.InNamespace(o.namespace)); err != nil {
			t.Fatal(err)
		}
		if len(customers.Items) != 1 {
			t.Errorf("%s has %d customers, want its own", o.namespace, len(customers.Items))
		}
		for _, e := range o.events() {
			if e.Spec.Livemode != both[n].isLive {
				t.Errorf("%s has the event %s of the other mode", o.namespace, e.Spec.EventID)
			}
		}
		stranger := Endpoint{URL: o.endpoint.URL, Secret: both[1-n].secret}
		if code, err := stranger.Post(t.Context(), Event{ID: "evt_Stray", Type: "customer.updated", Created: time.Now(), Shape: New}); err != nil || code != 400 {
			t.Errorf("an event of the other endpoint is answered %d: %v", code, err)
		}
		both[n].isRefusedBy(t, both[1-n])
	}
}

// start runs the receiver and the controllers of the installation, in processes with its own accounts.
func (i *installed) start(t *testing.T) *operator {
	t.Helper()
	address := freeAddress(t)
	startProcessWith(t, kubeconfigIn(t, i.namespace, i.receiver()), i.namespace, func(c *config.Config) {
		c.Components, c.ReceiverBindAddress, c.Stripe.EndpointSecrets = config.Components{Receiver: true}, address, []string{i.secret}
	})
	startProcessWith(t, kubeconfigIn(t, i.namespace, i.controllers()), i.namespace, func(c *config.Config) {
		c.Components, c.Stripe.EndpointSecrets, c.LeaderElect = config.Components{Controllers: true}, nil, true
	})
	return &operator{t: t, namespace: i.namespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: i.secret}}
}

// handlesItsEvents posts the events of a sign-up, and waits until its customer is entitled.
func (o *operator) handlesItsEvents(world string, isLive bool) {
	o.t.Helper()
	w := NewWorld(time.Now().Add(-time.Minute), New, 3)
	w.Name = world
	w.Do(SignUp)
	events := w.Events()
	for n := range events {
		events[n].Livemode = isLive
	}
	<-o.deliver(events)
	o.settled()
	o.entitled(w.Objects("customer")[0].ID(), "True SubscriptionActive")
}

// isRefusedBy tries what the accounts of i must not do in the other installation: with their own rights, where RBAC refuses
// everything, and with the roles of the other installation, where the policies still do.
func (i *installed) isRefusedBy(t *testing.T, other *installed) {
	t.Helper()
	victim := (&operator{t: t, namespace: other.namespace}).events()[0]
	var customers v1alpha1.CustomerList
	if err := cluster.Client.List(t.Context(), &customers, client.InNamespace(other.namespace)); err != nil {
		t.Fatal(err)
	}
	kinds := []client.ObjectList{
		&v1alpha1.BillingEventList{}, &v1alpha1.CustomerList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.EmailList{}, &v1alpha1.PasswordResetList{},
		&corev1.ConfigMapList{}, &corev1.SecretList{},
	}
	writes := map[string]func(client.Client) error{
		"create a BillingEvent": create(t, aBillingEvent(other.namespace, "evt-x")),
		"entitle a customer":    func(c client.Client) error { return entitle(t.Context(), c, &customers.Items[0]) },
		"change the status of an event": func(c client.Client) error {
			e := victim.DeepCopy()
			e.Status.Outcome = v1alpha1.OutcomePending
			return c.Status().Update(t.Context(), e, client.DryRunAll)
		},
		"create an Email": create(t, &v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{Namespace: other.namespace, Name: "an-email"},
			Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "a-customer"}, Purpose: v1alpha1.EmailWelcome}}),
	}
	for _, account := range []string{i.controllers(), i.receiver()} {
		c := clientOf(t, i.namespace, account)
		for _, kind := range kinds {
			if err := c.List(t.Context(), kind, client.InNamespace(other.namespace)); !apierrors.IsForbidden(err) {
				t.Errorf("%s may list %T in %s: %v", account, kind, other.namespace, err)
			}
		}
		if err := c.Delete(t.Context(), victim.DeepCopy(), client.DryRunAll); !apierrors.IsForbidden(err) {
			t.Errorf("%s may delete an event in %s: %v", account, other.namespace, err)
		}
		for what, write := range writes {
			if err := write(c); !apierrors.IsForbidden(err) {
				t.Errorf("%s may %s in %s: %v", account, what, other.namespace, err)
			}
		}
	}
	i.isGrantedRoleOf(t, other)
	c := clientOf(t, i.namespace, i.controllers())
	(&operator{t: t, namespace: other.namespace}).eventually("RBAC grants "+i.namespace+" the other one's role", func() string {
		if err := c.List(t.Context(), &v1alpha1.CustomerList{}, client.InNamespace(other.namespace)); err != nil {
			return err.Error()
		}
		return ""
	})
	for what, write := range writes {
		if err := write(c); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") {
			t.Errorf("with the other one's role, %s may %s in %s: %v", i.controllers(), what, other.namespace, err)
		}
	}
}

// isGrantedRoleOf binds the other installation's role to the account of i, as an administrator may do by mistake.
func (i *installed) isGrantedRoleOf(t *testing.T, other *installed) {
	t.Helper()
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: other.namespace, Name: "by-mistake"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: other.prefix + "manager-role"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: i.namespace, Name: i.controllers()}}}
	if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), binding)); err != nil {
		t.Fatal(err)
	}
}

// names returns kind and name of every object of a kustomization, apart from CRDs.
func names(t *testing.T, folder string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, object := range objectsOf(t, kubectl(t, "/dev/null", "kustomize", filepath.Join(controlplane.Root(), folder))) {
		if object.GetKind() != "CustomResourceDefinition" {
			found[object.GetKind()+" "+object.GetName()] = true
		}
	}
	return found
}

// Two installations share nothing but the CRDs.
func TestNothingClusterWideCollides(t *testing.T) {
	test, live := names(t, "examples/two-installations/test"), names(t, "examples/two-installations/live")
	if len(test) != len(live) || len(test) < 30 {
		t.Errorf("%d and %d objects are installed", len(test), len(live))
	}
	for name := range test {
		if live[name] {
			t.Errorf("both have the %s", name)
		}
	}
}

// objectsOf returns the objects of a text with several YAML documents.
func objectsOf(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+text, "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
	return objects
}
