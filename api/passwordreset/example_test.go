package passwordreset_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const namespace = "tollkeeper-system"

// setPassword handles the form at PASSWORD_RESET_URL: it sets the password of the customer that the token was sent to. The
// user owns reset.Address: save must not give the user an account that has another address.
func setPassword(cluster passwordreset.Cluster, save func(ctx context.Context, reset passwordreset.Reset, password string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue(passwordreset.QueryParameter)
		reset, err := passwordreset.Consume(r.Context(), cluster, namespace, token, time.Now())
		switch {
		case errors.Is(err, passwordreset.ErrExpired), errors.Is(err, passwordreset.ErrConsumed), errors.Is(err, passwordreset.ErrAddressChanged):
			http.Error(w, "This link does not work any more. Ask for a new one.", http.StatusGone)
		case errors.Is(err, passwordreset.ErrInvalid):
			http.Error(w, "This link is not valid.", http.StatusForbidden)
		case err != nil: // the API server did not answer; the token remains valid
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
		default:
			if err := save(r.Context(), reset, r.PostFormValue("password")); err != nil {
				http.Error(w, "The password could not be saved. Ask for a new link.", http.StatusInternalServerError)
				return
			}
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		}
	}
}

// memory is a cluster that holds one PasswordReset.
type memory struct{ reset *v1alpha1.PasswordReset }

func (m memory) Get(_ context.Context, key types.NamespacedName, into passwordreset.Object) error {
	reset, ok := into.(*v1alpha1.PasswordReset)
	if !ok || key.Name != m.reset.Name {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	m.reset.DeepCopyInto(reset)
	return nil
}

func (m memory) UpdateStatus(_ context.Context, object passwordreset.Object) error {
	object.(*v1alpha1.PasswordReset).DeepCopyInto(m.reset)
	return nil
}

func (m memory) Update(context.Context, passwordreset.Object) error { return errors.ErrUnsupported }

func Example() {
	token := passwordreset.NewToken("cus-ada-77e243c3")
	cluster := memory{&v1alpha1.PasswordReset{ // passwordreset.InCluster() in a pod
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: passwordreset.ObjectName("cus-ada-77e243c3"), UID: "a-uid"},
		Spec: v1alpha1.PasswordResetSpec{CustomerID: "cus_Ada", Tokens: []v1alpha1.ResetToken{
			{SHA256: passwordreset.Hash("a-uid", token), SealedAddress: passwordreset.Seal("a-uid", token, "ada@example.com"), ExpiresAt: metav1.NewTime(time.Now().Add(time.Hour))},
		}},
	}}
	form := setPassword(cluster, func(_ context.Context, reset passwordreset.Reset, _ string) error {
		fmt.Println("the password of", reset.CustomerID, "is set for", reset.Address)
		return nil
	})
	for _, presented := range []string{"guessed", token, token} {
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodPost, "/password",
			strings.NewReader(url.Values{"token": {presented}, "password": {"correct horse"}}.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form(answer, request)
		fmt.Println(answer.Code)
	}
	// Output:
	// 403
	// the password of cus_Ada is set for ada@example.com
	// 303
	// 410
}
