package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
)

func objectsIn(t *testing.T, list client.ObjectList) (objects []client.Object) {
	t.Helper()
	if err := meta.EachListItem(list, func(item runtime.Object) error {
		objects = append(objects, item.(client.Object))
		return nil
	}); err != nil || len(objects) == 0 {
		t.Fatalf("%T has no objects: %v", list, err)
	}
	return objects
}

// A message whose outcome is not known is sent again. The links of both messages work, and the first one that is used
// ends both.
func TestBothLinksOfAMessageSentTwice(t *testing.T) {
	t.Parallel()
	for _, used := range []string{"the first", "the second"} {
		t.Run(used, func(t *testing.T) {
			server, withMailgun := mailgun(t)
			o := start(t, withMailgun, func(c *config.Config) { c.MailSettle = shortSettle })
			o.send(signUp().Events()...)
			o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
			first := tokenIn(t, server)
			server.HideLog(true)
			o.forgetSent(v1alpha1.EmailPasswordReset)
			o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
			second := tokenIn(t, server)
			if first == second {
				t.Fatal("both messages have the same token")
			}
			token, other := first, second
			if used == "the second" {
				token, other = other, token
			}
			if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, token, time.Now()); err != nil {
				t.Errorf("%s link: %v", used, err)
			}
			if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, other, time.Now()); !errors.Is(err, passwordreset.ErrConsumed) {
				t.Errorf("the other link: %v, want ErrConsumed", err)
			}
		})
	}
}

// oldSecret is the Secret of a link as earlier versions wrote it, for the Customer object of that name.
func oldSecret(namespace, customer, token string, expires time.Time) *corev1.Secret {
	sum := sha256.Sum256([]byte(token))
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: customer + "-password-reset"},
		Type:       "billing.tollkeeper.dev/password-reset",
		Data: map[string][]byte{
			"token-sha256": []byte(hex.EncodeToString(sum[:])), "expires": []byte(expires.UTC().Format(time.RFC3339)), "customer-id": []byte("cus_Ada"),
		},
	}
}

// A link that an earlier version sent works once and until it expires, also after this version has sent another one.
// The documented command deletes the Secrets.
func TestLinksOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	o := start(t, withMailgun)
	world := signUp()
	o.send(world.Events()...)
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	customer := o.customer(world.Objects("customer")[0].ID()).Name
	old := passwordreset.NewToken(customer)
	if err := cluster.Client.Create(t.Context(), oldSecret(o.namespace, customer, old, time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, old, time.Now().Add(2*time.Hour)); !errors.Is(err, passwordreset.ErrExpired) {
		t.Errorf("two hours later: %v, want ErrExpired", err)
	}
	reset, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, old, time.Now())
	if err != nil || reset.CustomerID != "cus_Ada" || reset.SentTo("ada@example.com") {
		t.Errorf("the old link: %+v, %v", reset, err)
	}
	if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, old, time.Now()); !errors.Is(err, passwordreset.ErrConsumed) {
		t.Errorf("the old link again: %v, want ErrConsumed", err)
	}
	if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, tokenIn(t, server), time.Now()); err != nil {
		t.Errorf("the new link: %v", err)
	}
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: "tollkeeper-credentials"}}
	if err := cluster.Client.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	kubectl(t, adminKubeconfig(t), "-n", o.namespace, "delete", "secrets", "--field-selector=type=billing.tollkeeper.dev/password-reset")
	var left corev1.SecretList
	if err := cluster.Client.List(t.Context(), &left, client.InNamespace(o.namespace)); err != nil || len(left.Items) != 1 {
		t.Errorf("%d Secrets are left, want 1: %v", len(left.Items), err)
	}
}

// An attempt of an earlier version, whose outcome is not known, keeps its Message-Id, by which Mailgun's log has it.
func TestAnAttemptOfAnEarlierVersionKeepsItsMessageID(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	namespace, customer := signedUp(t, time.Hour)
	email := plan(t, customer, v1alpha1.EmailWelcome, nil)
	const id = "4c7b0c0e-uid@mg.example.com"
	email.Status.Attempt = &v1alpha1.EmailAttempt{
		Number: 1, MessageID: id, ClaimedAt: metav1.NewTime(time.Now().Add(-time.Hour)), Outcome: v1alpha1.AttemptUnknown,
	}
	if err := cluster.Client.Status().Update(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	o := startIn(t, namespace, withMailgun)
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	for _, m := range server.Messages() { // the other message of the sign-up may have gone before
		if got := m.Field("h:Message-Id"); m.Field("subject") == bothSubjects[1] && got != "<"+id+">" {
			t.Errorf("the Message-Id is %s", got)
		}
	}
	if got := subjects(server.Messages()); !slices.Contains(got, bothSubjects[1]) {
		t.Errorf("the messages are %q", got)
	}
}

// consumerRights checks that the role for applications is enough to consume a link, and for nothing else, and that only
// the controllers make links.
func consumerRights(t *testing.T) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "application"}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "application"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "tollkeeper-password-reset-consumer-role"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: installedNamespace, Name: account.Name}},
	}
	for _, object := range []client.Object{account, binding} {
		if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	newReset := func() *v1alpha1.PasswordReset {
		return &v1alpha1.PasswordReset{
			ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: passwordreset.ObjectName("cus-app")},
			Spec:       v1alpha1.PasswordResetSpec{CustomerRef: v1alpha1.ObjectReference{Name: "cus-app"}, CustomerID: "cus_App", Account: "acct_1"},
		}
	}
	controllers, application := clientOf(t, installedNamespace, controllersAccount), clientOf(t, installedNamespace, account.Name)
	if err := cluster.Client.Create(t.Context(), newReset()); !apierrors.IsForbidden(err) {
		t.Errorf("an administrator may create a PasswordReset: %v", err)
	}
	reset, token := newReset(), passwordreset.NewToken("cus-app")
	if err := controllers.Create(t.Context(), reset); err != nil {
		t.Fatal(err)
	}
	withToken := func(reset *v1alpha1.PasswordReset, token string) *v1alpha1.PasswordReset {
		reset = reset.DeepCopy()
		reset.Spec.Tokens = []v1alpha1.ResetToken{{
			SHA256: passwordreset.Hash(reset.UID, token), AddressSHA256: passwordreset.AddressHash(reset.UID, "ada@example.com"),
			ExpiresAt: metav1.NewTime(time.Now().Add(time.Hour)),
		}}
		return reset
	}
	if err := cluster.Client.Update(t.Context(), withToken(reset, token)); !apierrors.IsForbidden(err) {
		t.Errorf("an administrator may add a link: %v", err)
	}
	reset = withToken(reset, token)
	if err := controllers.Update(t.Context(), reset); err != nil {
		t.Fatal(err)
	}
	labelled := reset.DeepCopy()
	labelled.Labels = map[string]string{"x": "y"}
	if err := cluster.Client.Update(t.Context(), labelled, client.DryRunAll); err != nil {
		t.Errorf("an administrator cannot label a PasswordReset: %v", err)
	}
	for what, err := range map[string]error{
		"change a link":              application.Update(t.Context(), withToken(reset, passwordreset.NewToken("cus-app"))),
		"create a link":              application.Create(t.Context(), newReset()),
		"list PasswordResets":        application.List(t.Context(), &v1alpha1.PasswordResetList{}, client.InNamespace(installedNamespace)),
		"delete a link":              application.Delete(t.Context(), reset.DeepCopy()),
		"read a Secret":              application.Get(t.Context(), client.ObjectKeyFromObject(reset), &corev1.Secret{}),
		"read a Customer":            application.Get(t.Context(), client.ObjectKeyFromObject(reset), &v1alpha1.Customer{}),
		"read Secrets (controllers)": controllers.Get(t.Context(), client.ObjectKeyFromObject(reset), &corev1.Secret{}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("the account may %s: %v", what, err)
		}
	}
	consumed, err := passwordreset.Consume(t.Context(), links(t, accessOf(t, installedNamespace, account.Name)), installedNamespace, token, time.Now())
	if err != nil || consumed.CustomerID != "cus_App" || consumed.Account != "acct_1" || !consumed.SentTo("ada@example.com") {
		t.Errorf("consume as the application: %+v, %v", consumed, err)
	}
	if _, err := passwordreset.Consume(t.Context(), links(t, accessOf(t, installedNamespace, account.Name)), installedNamespace, "x"+token, time.Now()); !errors.Is(err, passwordreset.ErrInvalid) {
		t.Errorf("a wrong token: %v, want ErrInvalid", err)
	}
}
