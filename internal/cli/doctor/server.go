package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
)

const (
	// minMinor is the oldest Kubernetes (1.x) whose policies and selectable fields suffice.
	minMinor = 32
	// maxSkew is by how much two clocks may differ before it is worth a line.
	maxSkew = 10 * time.Second
	// maxVersion bounds the answer to the question for the version.
	maxVersion = 1 << 16
)

// apiServer asks for the version, and reads the clock in the answer's header.
func (d *Doctor) apiServer(ctx context.Context) ([]Line, error) {
	httpClient, err := rest.HTTPClientFor(d.Config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(d.Config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("version").String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxVersion))
	if err != nil {
		return nil, err
	}
	var info version.Info
	if err := json.Unmarshal(body, &info); err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the API server at %s answered %s", base.Host, response.Status)
	}
	if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		d.serverTime = at
	}
	return judgeServer(info, d.serverTime, d.Now()), nil
}

func judgeServer(info version.Info, server, local time.Time) []Line {
	line := Line{Status: OK, Subject: "API server", Text: info.GitVersion}
	minor, err := strconv.Atoi(strings.TrimRight(info.Minor, "+"))
	if err == nil && info.Major == "1" && minor < minMinor {
		line.Status = Fail
		line.Text += fmt.Sprintf(", which is older than 1.%d", minMinor)
		line.Advice = fmt.Sprintf("Upgrade the cluster to Kubernetes 1.%d or later", minMinor)
	}
	lines := []Line{line}
	// The header has whole seconds.
	if skew := local.Sub(server); !server.IsZero() && skew.Abs() > maxSkew {
		lines = append(lines, Line{
			Warn, "Clock", fmt.Sprintf("this machine's clock differs by %s from the API server's", skew.Round(time.Second)),
			"Set this machine's clock: --for counts from it",
		})
	}
	return lines
}
