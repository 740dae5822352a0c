package integration

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// The users of policyRefusals, and what RBAC lets them do.
const (
	editor        = "editor"            // everything with every object, but nothing with subresources
	support       = "support"           // override the access of customers
	tenants       = "tenant-controller" // put a finalizer on customers
	collector     = "generic-garbage-collector"
	almighty      = "almighty"  // an account of the operator's namespace with every right in the cluster
	elsewhere     = "elsewhere" // an account of another namespace with the controllers' roles in this one
	administrator = "administrator"
)

// attempt is one request of an account.
type attempt struct {
	as, what string
	do       func(client.Client) error
	// policy must deny the request, with a message that contains says. If empty, the request must be accepted.
	policy, says string
}

// policyRefusals tries what RBAC permits and the policies refuse, and beside it what the policies must let pass.
func policyRefusals(t *testing.T) {
	clients := map[string]client.Client{
		administrator:      cluster.Client,
		receiverAccount:    clientOf(t, installedNamespace, receiverAccount),
		controllersAccount: clientOf(t, installedNamespace, controllersAccount),
		collector:          clientAs(t, collector),
		almighty:           clientOfBound(t, installedNamespace, almighty, "cluster-admin"),
		elsewhere:          clientOfBound(t, "default", elsewhere, ""),
		editor: clientWith(t, editor, []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"billingevents", "customers", "subscriptions", "emails", "passwordresets"}, Verbs: []string{"*"}},
			{APIGroups: []string{"", "coordination.k8s.io"}, Resources: []string{"configmaps", "leases"}, Verbs: []string{"*"}},
		}),
		support: clientWith(t, support, []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"customers"}, Verbs: []string{"get", "list", "patch"}},
		}),
		tenants: clientWith(t, tenants, []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"customers", "subscriptions"}, Verbs: []string{"get", "list", "patch"}},
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"customers/finalizers"}, Verbs: []string{"update"}},
		}),
	}
	attempts := attemptsAtEvents(t, receiverAccount)
	attempts = append(attempts, attemptsAtEvents(t, controllersAccount)...)
	attempts = append(attempts, attemptsAtRecordedEvents(t)...)
	attempts = append(attempts, attemptsAtDeletingEvents(t)...)
	attempts = append(attempts, attemptsAtMetadata(t)...)
	attempts = append(attempts, attemptsAtCreating(t)...)
	attempts = append(attempts, attemptsOfStrangers(t)...)
	for _, a := range attempts {
		err := a.do(clients[a.as])
		if a.policy == "" && client.IgnoreAlreadyExists(err) != nil {
			t.Errorf("%s cannot %s: %v", a.as, a.what, err)
		}
		if a.policy != "" && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "'tollkeeper-"+a.policy+"'") || !strings.Contains(err.Error(), a.says)) {
			t.Errorf("%s may %s: %v, want the policy %s to say %q", a.as, a.what, err, a.policy, a.says)
		}
	}
}

// attemptsAtEvents creates BillingEvents.
func attemptsAtEvents(t *testing.T, account string) []attempt {
	try := func(what, says string, alter func(*v1alpha1.BillingEvent)) attempt {
		a := attempt{as: account, what: "create a BillingEvent " + what, says: says}
		if says != "" {
			a.policy = "billing-events"
		}
		a.do = func(c client.Client) error {
			e := aBillingEvent(installedNamespace, "evt-x")
			e.Spec.CustomerID, e.Spec.SubscriptionID = "cus_Ada", "sub_Ada"
			e.Labels = naming.Labels(e.Spec.Type, e.Spec.CustomerID, e.Spec.SubscriptionID)
			alter(e)
			return c.Create(t.Context(), e, client.DryRunAll)
		}
		return a
	}
	const bare, labels = "Create it without them.", "erasure finds events by these labels"
	attempts := []attempt{
		try("as the operator does", "", func(*v1alpha1.BillingEvent) {}),
		try("with an owner that does not exist", bare, func(e *v1alpha1.BillingEvent) { e.OwnerReferences = []metav1.OwnerReference{anOwner("gone")} }),
		try("with a finalizer", bare, func(e *v1alpha1.BillingEvent) { e.Finalizers = []string{"example.com/x"} }),
		try("with an annotation", bare, func(e *v1alpha1.BillingEvent) { e.Annotations = map[string]string{"x": "y"} }),
		try("with generateName", bare, func(e *v1alpha1.BillingEvent) { e.Name, e.GenerateName = "", "evt-x-" }),
		try("with generateName beside its name", bare, func(e *v1alpha1.BillingEvent) { e.GenerateName = "evt-x-" }),
		try("with another customer's label", labels, func(e *v1alpha1.BillingEvent) { e.Labels[v1alpha1.LabelCustomerID] = "cus_Bob" }),
		try("without its customer's label", labels, func(e *v1alpha1.BillingEvent) { delete(e.Labels, v1alpha1.LabelCustomerID) }),
		try("with the label of a customer that it does not name", labels, func(e *v1alpha1.BillingEvent) { e.Spec.CustomerID = "" }),
		try("with another subscription's label", labels, func(e *v1alpha1.BillingEvent) { e.Labels[v1alpha1.LabelSubscriptionID] = "sub_Bob" }),
		try("with the label of another type", labels, func(e *v1alpha1.BillingEvent) { e.Labels[v1alpha1.LabelEventType] = "invoice.paid" }),
		try("with a request to retry it", labels, func(e *v1alpha1.BillingEvent) { e.Labels[v1alpha1.LabelRetry] = "now" }),
		try("with one more label", labels, func(e *v1alpha1.BillingEvent) { e.Labels["velero.io/exclude-from-backup"] = "true" }),
		try("without labels", labels, func(e *v1alpha1.BillingEvent) { e.Labels = nil }),
		try("with two records", "at most one record", func(e *v1alpha1.BillingEvent) {
			e.Spec.Invoice, e.Spec.Refund = &v1alpha1.InvoiceRecord{}, &v1alpha1.RefundRecord{}
		}),
		try("that names nobody", "", func(e *v1alpha1.BillingEvent) {
			e.Spec.CustomerID, e.Spec.SubscriptionID, e.Labels = "", "", naming.Labels(e.Spec.Type, "", "")
		}),
	}
	dismissal := try("with the dismissal of a failed event", "", func(e *v1alpha1.BillingEvent) {
		e.Annotations = map[string]string{v1alpha1.AnnotationDismissed: "grace: now (the reason was erased)"}
	})
	if account != controllersAccount {
		dismissal.policy, dismissal.says = "billing-events", bare
	}
	attempts = append(attempts, dismissal)
	for _, id := range []string{"c", "c_1.x-Y", "_c", "c_", "-c", "c.", "c d", "c/d", "ç", "c\n", strings.Repeat("c", 63), strings.Repeat("c", 64)} {
		attempts = append(attempts, try(fmt.Sprintf("with the id %q", id), "", func(e *v1alpha1.BillingEvent) {
			e.Spec.Type, e.Spec.CustomerID, e.Spec.SubscriptionID, e.Labels = id, id, id, naming.Labels(id, id, id)
		}))
	}
	return attempts
}

// attemptsAtRecordedEvents changes a recorded BillingEvent.
func attemptsAtRecordedEvents(t *testing.T) []attempt {
	o := &operator{t: t, namespace: installedNamespace}
	recorded := &o.events()[0]
	annotate := func(count, length int) func(client.Client) error {
		return patch(t, recorded, func(e *v1alpha1.BillingEvent) {
			e.Annotations = map[string]string{}
			for i := range count {
				e.Annotations[fmt.Sprintf("note-%d", i)] = strings.Repeat("x", length)
			}
		})
	}
	const room = "has room for 16 annotations of 1024 characters"
	own := func(e *v1alpha1.BillingEvent) { e.OwnerReferences = []metav1.OwnerReference{anOwner("gone")} }
	relabel := func(e *v1alpha1.BillingEvent) {
		e.Labels = maps.Clone(e.Labels)
		e.Labels[v1alpha1.LabelCustomerID] = "cus_Bob"
	}
	unlabel := func(e *v1alpha1.BillingEvent) {
		e.Labels = maps.Clone(e.Labels)
		delete(e.Labels, v1alpha1.LabelEventType)
	}
	retried := func(e *v1alpha1.BillingEvent) {
		e.Labels = maps.Clone(e.Labels)
		e.Labels[v1alpha1.LabelRetry] = "now"
	}
	const only, dismissable = "Only Tollkeeper may create BillingEvents", "Only a BillingEvent with the outcome Failed can be dismissed."
	return []attempt{
		{editor, "dismiss a BillingEvent that has not failed", patch(t, recorded, dismissed(editor+": Ticket 4711")), "billing-events", dismissable},
		{editor, "annotate a BillingEvent 16 times", annotate(16, 1024), "", ""},
		{editor, "annotate a BillingEvent 17 times", annotate(17, 1), "billing-events", room},
		{editor, "annotate a BillingEvent at length", annotate(1, 1025), "billing-events", room},
		{editor, "give a BillingEvent an owner", patch(t, recorded, own), "billing-events", only},
		{collector, "give a BillingEvent an owner", patch(t, recorded, own), "billing-events", only},
		{editor, "give a BillingEvent another customer's label", patch(t, recorded, relabel), "billing-events", only},
		{editor, "take a label from a BillingEvent", patch(t, recorded, unlabel), "billing-events", only},
		{editor, "label a BillingEvent for a retry", patch(t, recorded, retried), "", ""},
		{editor, "delete a BillingEvent", func(c client.Client) error {
			return c.Delete(t.Context(), recorded.DeepCopy(), client.DryRunAll)
		}, "billing-events", "set the label tollkeeper.dev/policies of the namespace to suspended"},
		{editor, "create a BillingEvent", create(t, aBillingEvent(installedNamespace, "evt-x")), "billing-events", only},
	}
}

// attemptsAtDeletingEvents deletes BillingEvents. Only the controllers may, and only those that are settled.
func attemptsAtDeletingEvents(t *testing.T) []attempt {
	o := &operator{t: t, namespace: installedNamespace}
	manager := clientOf(t, installedNamespace, controllersAccount)
	byOutcome := map[v1alpha1.Outcome]*v1alpha1.BillingEvent{}
	for _, outcome := range []v1alpha1.Outcome{
		v1alpha1.OutcomePending, v1alpha1.OutcomeApplied, v1alpha1.OutcomeRecorded, v1alpha1.OutcomeSuperseded, v1alpha1.OutcomeFailed,
	} {
		e := aBillingEvent(installedNamespace, "evt-delete-"+strings.ToLower(string(outcome))+"x")
		if err := client.IgnoreAlreadyExists(manager.Create(t.Context(), e)); err != nil {
			t.Fatal(err)
		}
		if outcome != v1alpha1.OutcomePending {
			o.eventually("the outcome "+string(outcome)+" is written", func() string {
				if err := manager.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
					return err.Error()
				}
				e.Status.Outcome = outcome
				if err := manager.Status().Update(t.Context(), e); err != nil {
					return err.Error()
				}
				return ""
			})
		}
		byOutcome[outcome] = e
	}
	remove := func(outcome v1alpha1.Outcome) func(client.Client) error {
		return func(c client.Client) error {
			return c.Delete(t.Context(), byOutcome[outcome].DeepCopy(), client.DryRunAll)
		}
	}
	const cannot = "Tollkeeper deletes old settled ones itself"
	attempts := []attempt{
		{controllersAccount, "delete a pending BillingEvent", remove(v1alpha1.OutcomePending), "billing-events", cannot},
		{controllersAccount, "delete a failed BillingEvent", remove(v1alpha1.OutcomeFailed), "billing-events", cannot},
	}
	for _, outcome := range []v1alpha1.Outcome{v1alpha1.OutcomeApplied, v1alpha1.OutcomeRecorded, v1alpha1.OutcomeSuperseded} {
		attempts = append(attempts, attempt{controllersAccount, "delete a BillingEvent that is " + string(outcome), remove(outcome), "", ""})
		for _, account := range []string{administrator, editor, almighty, elsewhere} {
			attempts = append(attempts, attempt{account, "delete a BillingEvent that is " + string(outcome), remove(outcome), "billing-events", cannot})
		}
	}
	return append(attempts, attempt{collector, "delete a pending BillingEvent", remove(v1alpha1.OutcomePending), "", ""})
}

// dismissed sets the annotation by which a person dismisses a failed event.
func dismissed(value string) func(*v1alpha1.BillingEvent) {
	return func(e *v1alpha1.BillingEvent) {
		e.Annotations = map[string]string{v1alpha1.AnnotationDismissed: value}
	}
}

// attemptsAtMetadata changes owners and finalizers of the other kinds.
func attemptsAtMetadata(t *testing.T) []attempt {
	customer := &listInstalled[v1alpha1.CustomerList](t).Items[0]
	subscription := &listInstalled[v1alpha1.SubscriptionList](t).Items[0]
	const owners, finalizers = "Leave out metadata.ownerReferences.", "grant you the verb update on "
	attempts := []attempt{
		{support, "give a Customer an owner that does not exist", patch(t, customer, owned), "owners", owners},
		{support, "give a Customer a finalizer", patch(t, customer, blocked), "owners", finalizers + "customers/finalizers"},
		{support, "override access", patch(t, customer, func(c *v1alpha1.Customer) { c.Spec.Access = v1alpha1.AccessDenied }), "", ""},
		{support, "request a resync", patch(t, customer, func(c *v1alpha1.Customer) {
			c.Annotations = map[string]string{v1alpha1.AnnotationResync: "now"}
		}), "", ""},
		{tenants, "give a Customer a finalizer", patch(t, customer, blocked), "", ""},
		{tenants, "give a Customer an owner that does not exist", patch(t, customer, owned), "owners", owners},
		{tenants, "give a Subscription a finalizer", patch(t, subscription, blocked), "owners", finalizers + "subscriptions/finalizers"},
		{administrator, "give a Customer an owner that does not exist", patch(t, customer, owned), "owners", owners},
		{editor, "change a Subscription's owner", patch(t, subscription, func(s *v1alpha1.Subscription) {
			s.OwnerReferences[0].UID = "gone"
		}), "owners", owners},
		{editor, "take a Subscription's owner", patch(t, subscription, func(s *v1alpha1.Subscription) { s.OwnerReferences = nil }), "", ""},
		{collector, "take a Subscription's owner", patch(t, subscription, func(s *v1alpha1.Subscription) { s.OwnerReferences = nil }), "", ""},
		{collector, "unblock a Subscription's owner", patch(t, subscription, func(s *v1alpha1.Subscription) {
			s.OwnerReferences[0].BlockOwnerDeletion = new(false)
		}), "", ""},
		{collector, "give a Customer an owner that does not exist", patch(t, customer, owned), "owners", owners},
		{collector, "delete a Customer", func(c client.Client) error { return c.Delete(t.Context(), customer.DeepCopy(), client.DryRunAll) }, "", ""},
	}
	email, reset := &listInstalled[v1alpha1.EmailList](t).Items[0], &listInstalled[v1alpha1.PasswordResetList](t).Items[0]
	for kind, by := range map[string][2]func(client.Client) error{
		"customers":      {patch(t, customer, owned), patch(t, customer, blocked)},
		"subscriptions":  {patch(t, subscription, owned), patch(t, subscription, blocked)},
		"emails":         {patch(t, email, owned), patch(t, email, blocked)},
		"passwordresets": {patch(t, reset, owned), patch(t, reset, blocked)},
	} {
		attempts = append(attempts,
			attempt{editor, "add an owner to " + kind, by[0], "owners", owners},
			attempt{editor, "add a finalizer to " + kind, by[1], "owners", finalizers + kind + "/finalizers"})
	}
	return attempts
}

// attemptsAtCreating creates objects of the other kinds.
func attemptsAtCreating(t *testing.T) []attempt {
	at := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: installedNamespace, Name: name}
	}
	customer := func(owners ...metav1.OwnerReference) *v1alpha1.Customer {
		c := &v1alpha1.Customer{ObjectMeta: at("cus-x"), Spec: v1alpha1.CustomerSpec{CustomerID: "cus_X"}}
		c.OwnerReferences = owners
		return c
	}
	its := naming.OwnedBy(&v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Name: "cus-x", UID: "x"}})
	other, impostor := its, its
	other.Name, impostor.APIVersion = "cus-y", "example.com/v1"
	subscription := func(owners ...metav1.OwnerReference) *v1alpha1.Subscription {
		s := &v1alpha1.Subscription{ObjectMeta: at("sub-x"), Spec: v1alpha1.SubscriptionSpec{SubscriptionID: "sub_X", CustomerRef: v1alpha1.ObjectReference{Name: "cus-x"}}}
		s.OwnerReferences = owners
		return s
	}
	email := func(finalizers ...string) *v1alpha1.Email {
		e := &v1alpha1.Email{ObjectMeta: at("cus-x-welcome"), Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "cus-x"}, Purpose: v1alpha1.EmailWelcome}}
		e.OwnerReferences, e.Finalizers = []metav1.OwnerReference{its}, finalizers
		return e
	}
	unowned := email()
	unowned.OwnerReferences = nil
	configMap := func(name string) client.Object { return &corev1.ConfigMap{ObjectMeta: at(name)} }
	lease := func(name string) client.Object { return &coordinationv1.Lease{ObjectMeta: at(name)} }
	generated := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, GenerateName: "tollkeeper-import"}}
	const owners, finalizers, names = "Leave out metadata.ownerReferences.", "Leave out metadata.finalizers", "and no others"
	return []attempt{
		{editor, "create an Email", create(t, unowned), "emails", "Only Tollkeeper may create an Email."},
		{administrator, "create an Email", create(t, unowned), "emails", "delete its Email"},
		{controllersAccount, "create an Email", create(t, email()), "", ""},
		{controllersAccount, "create an Email with a finalizer", create(t, email("example.com/x")), "owners", finalizers},
		{editor, "create a Customer", create(t, customer()), "", ""},
		{editor, "create a Customer with an owner", create(t, customer(anOwner("gone"))), "owners", owners},
		{controllersAccount, "create a Customer", create(t, customer()), "", ""},
		{controllersAccount, "create a Customer with an owner", create(t, customer(its)), "owners", owners},
		{editor, "create a Subscription with an owner", create(t, subscription(its)), "owners", owners},
		{controllersAccount, "create a Subscription", create(t, subscription(its)), "", ""},
		{controllersAccount, "create a Subscription of another Customer", create(t, subscription(other)), "owners", owners},
		{controllersAccount, "create a Subscription of another API", create(t, subscription(impostor)), "owners", owners},
		{controllersAccount, "create a Subscription with a ConfigMap as owner", create(t, subscription(its, anOwner("cus-x"))), "owners", owners},
		{controllersAccount, "create the backfill's ConfigMap", create(t, configMap("tollkeeper-backfill")), "", ""},
		{controllersAccount, "create the import's ConfigMap", create(t, configMap("tollkeeper-import")), "", ""},
		{controllersAccount, "create the retry's ConfigMap", create(t, configMap("tollkeeper-reopen")), "", ""},
		{controllersAccount, "create the archive's ConfigMap", create(t, configMap("tollkeeper-archive")), "", ""},
		{controllersAccount, "create the erasure's ConfigMap", create(t, configMap("tollkeeper-erasure")), "", ""},
		{controllersAccount, "create another ConfigMap", create(t, configMap("x")), "own-names", names},
		{controllersAccount, "create a ConfigMap with generateName", create(t, generated), "own-names", names},
		{controllersAccount, "create the leader's Lease", create(t, lease("leader.billing.tollkeeper.dev")), "", ""},
		{controllersAccount, "create another Lease", create(t, lease("x")), "own-names", names},
		{controllersAccount, "create a Lease with a ConfigMap's name", create(t, lease("tollkeeper-import")), "own-names", names},
		{editor, "create a ConfigMap", create(t, configMap("x")), "", ""},
		{editor, "create a Lease", create(t, lease("x")), "", ""},
	}
}

// attemptsOfStrangers are those of accounts that RBAC lets do what the controllers' account does. Only the policies know better.
func attemptsOfStrangers(t *testing.T) []attempt {
	customer := &listInstalled[v1alpha1.CustomerList](t).Items[0]
	email := &v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "cus-x-welcome"},
		Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "cus-x"}, Purpose: v1alpha1.EmailWelcome}}
	reset := &listInstalled[v1alpha1.PasswordResetList](t).Items[0]
	var attempts []attempt
	for _, stranger := range []string{almighty, elsewhere} {
		attempts = append(attempts, []attempt{
			{stranger, "create a BillingEvent", create(t, aBillingEvent(installedNamespace, "evt-x")), "billing-events", "Only Tollkeeper may create BillingEvents"},
			{stranger, "create an Email", create(t, email), "emails", "Only Tollkeeper may create an Email."},
			{stranger, "entitle a customer", func(c client.Client) error { return entitle(t.Context(), c, customer) }, "statuses", "Only Tollkeeper may write this status."},
			{stranger, "change a link", func(c client.Client) error {
				altered := reset.DeepCopy()
				altered.Spec.AddressSHA256 = strings.Repeat("0", 64)
				return c.Update(t.Context(), altered, client.DryRunAll)
			}, "password-resets", "Only Tollkeeper may create a PasswordReset"},
		}...)
	}
	return attempts
}

// clientOfBound returns a client of a new ServiceAccount that has the cluster's role, or, if that is empty, the controllers'
// role in the operator's namespace.
func clientOfBound(t *testing.T, namespace, account, role string) client.Client {
	t.Helper()
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account}}
	binding := client.Object(&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "test-" + account}, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}})
	if role == "" {
		binding = &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "test-" + account}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tollkeeper-manager-role"}}
	}
	for _, object := range []client.Object{&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}, binding} {
		if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	return clientOf(t, namespace, account)
}

// owned gives an object an owner that does not exist: the garbage collector would delete it.
func owned[O client.Object](object O) {
	object.SetOwnerReferences(append(object.GetOwnerReferences(), anOwner("gone")))
}

// blocked gives an object a finalizer, which keeps it and its namespace from being deleted.
func blocked[O client.Object](object O) { object.SetFinalizers([]string{"example.com/x"}) }

// create tries to create the object.
func create(t *testing.T, object client.Object) func(client.Client) error {
	return func(c client.Client) error {
		return c.Create(t.Context(), object.DeepCopyObject().(client.Object), client.DryRunAll)
	}
}

// patch tries to change the object.
func patch[O client.Object](t *testing.T, object O, alter func(O)) func(client.Client) error {
	return func(c client.Client) error {
		altered := object.DeepCopyObject().(O)
		alter(altered)
		return c.Patch(t.Context(), altered, client.MergeFrom(object), client.DryRunAll)
	}
}

// clientWith returns a client of a user that has a role in the operator's namespace.
func clientWith(t *testing.T, user string, rules []rbacv1.PolicyRule) client.Client {
	t.Helper()
	at := metav1.ObjectMeta{Namespace: installedNamespace, Name: "test-" + user}
	for _, object := range []client.Object{
		&rbacv1.Role{ObjectMeta: at, Rules: rules},
		&rbacv1.RoleBinding{ObjectMeta: at, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: at.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}},
	} {
		if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	access := rest.CopyConfig(cluster.Config)
	access.Impersonate = rest.ImpersonationConfig{UserName: user}
	return clientFor(t, access)
}

// withoutPolicies suspends the policies in the namespace, as docs/operations.md says for a restore, tries
// the change until it is accepted, and sets the label again.
func withoutPolicies(t *testing.T, namespace string, change func() error) {
	t.Helper()
	label := func(ctx context.Context, value string) error {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"tollkeeper.dev/policies":`+value+`}}}`))
		return cluster.Client.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, patch)
	}
	if err := label(t.Context(), `"suspended"`); err != nil {
		t.Fatal(err)
	}
	enforce := func() {
		if err := label(context.Background(), `"enforced"`); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(enforce) // even if the change is never accepted
	o := &operator{t: t, namespace: namespace}
	o.eventually("the change is accepted without policies", func() string {
		if err := change(); err != nil {
			return err.Error()
		}
		return ""
	})
	enforce()
	policiesInForce(t, namespace)
}
