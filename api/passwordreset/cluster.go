package passwordreset

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Object is a *v1alpha1.PasswordReset, or an *unstructured.Unstructured that holds the Secret of an earlier version.
type Object interface {
	metav1.Object
	runtime.Object
}

// Cluster is what Consume needs of a cluster. InCluster and NewCluster make one without another module. Any Kubernetes
// client can be one: a method is a line. Errors are those of k8s.io/apimachinery/pkg/api/errors.
type Cluster interface {
	// Get reads the object, of the kind of into.
	Get(ctx context.Context, key types.NamespacedName, into Object) error
	// Update writes the object. It fails with a conflict if the object has changed since it was read.
	Update(ctx context.Context, object Object) error
	// UpdateStatus writes the object's status, as Update does.
	UpdateStatus(ctx context.Context, object Object) error
}

// server is an API server over HTTP.
type server struct {
	client *http.Client
	host   string
}

// NewCluster returns the cluster whose API server is at host, such as https://10.0.0.1:443. The client authenticates:
// with client-go, it is that of rest.HTTPClientFor(config), and host is config.Host.
func NewCluster(client *http.Client, host string) Cluster {
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	return &server{client: client, host: strings.TrimSuffix(host, "/")}
}

// accountFolder is where Kubernetes mounts a pod's service account.
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

// requestTimeout bounds a request of the client that InCluster makes.
const requestTimeout = 30 * time.Second

// InCluster returns the cluster in which the application's pod runs, with the rights of its service account.
func InCluster() (Cluster, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set: this is no pod of a cluster")
	}
	return inCluster("https://"+net.JoinHostPort(host, port), accountFolder)
}

func inCluster(host, folder string) (Cluster, error) {
	authorities, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, errors.New("ca.crt of the service account holds no certificate")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return NewCluster(&http.Client{
		Transport: &authenticated{transport: transport, file: filepath.Join(folder, "token")}, Timeout: requestTimeout,
	}, host), nil
}

// authenticated adds the service account's token. It reads the file for each request, because Kubernetes replaces the token
// before it expires.
type authenticated struct {
	transport http.RoundTripper
	file      string
}

// RoundTrip implements http.RoundTripper.
func (a *authenticated) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(a.file)
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return a.transport.RoundTrip(request)
}

// Get implements Cluster.
func (s *server) Get(ctx context.Context, key types.NamespacedName, into Object) error {
	return s.do(ctx, http.MethodGet, key, "", into)
}

// Update implements Cluster.
func (s *server) Update(ctx context.Context, object Object) error {
	return s.do(ctx, http.MethodPut, keyOf(object), "", object)
}

// UpdateStatus implements Cluster.
func (s *server) UpdateStatus(ctx context.Context, object Object) error {
	return s.do(ctx, http.MethodPut, keyOf(object), "/status", object)
}

func keyOf(object Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// maxAnswer bounds what is read of an answer. An object of a cluster is smaller.
const maxAnswer = 4 << 20

// do sends the object, unless it is only read, and puts the answer into it.
func (s *server) do(ctx context.Context, method string, key types.NamespacedName, subresource string, object Object) error {
	resource, path := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "/api/v1"
	if _, isReset := object.(*v1alpha1.PasswordReset); isReset {
		resource, path = v1alpha1.GroupVersion.WithResource("passwordresets"), "/apis/"+v1alpha1.GroupVersion.String()
		object.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("PasswordReset"))
	}
	path += "/namespaces/" + url.PathEscape(key.Namespace) + "/" + resource.Resource + "/" + url.PathEscape(key.Name) + subresource
	var body io.Reader
	if method != http.MethodGet {
		content, err := json.Marshal(object)
		if err != nil {
			return err
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.host+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // the answer is read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode == http.StatusOK {
		return json.Unmarshal(answer, object)
	}
	return failure(response.StatusCode, answer, resource)
}

// failure is the error of an answer: the API server's own if the answer holds one.
func failure(code int, answer []byte, resource schema.GroupVersionResource) error {
	var status metav1.Status
	switch err := json.Unmarshal(answer, &status); {
	case err == nil && status.Kind == "Status":
		return &apierrors.StatusError{ErrStatus: status}
	case code == http.StatusNotFound: // the API server does not know the resource
		return &meta.NoResourceMatchError{PartialResource: resource}
	default:
		return fmt.Errorf("the API server answered with the status code %d", code)
	}
}
