package archive

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
)

// credentials says where each scheme takes its credentials from.
var credentials = map[string]string{
	"s3": "the credentials are those of the AWS SDK: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of the pod; " +
		"a store that is not Amazon's needs ?endpoint=https://…&region=…&use_path_style=true",
	"gs":     "the credentials are Google's default ones: GOOGLE_APPLICATION_CREDENTIALS, or the pod's workload identity",
	"azblob": "the account is AZURE_STORAGE_ACCOUNT, and the credentials AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or the pod's workload identity",
}

const schemes = "file:///folder, s3://bucket, gs://bucket or azblob://container"

// Open opens the archive at a URL: file:///folder, s3://bucket, gs://bucket or azblob://container, with gocloud.dev's parameters,
// and ?prefix=folder/ for a part of a bucket. It does not ask the bucket. An error names the URL's scheme and what to do; never a
// credential.
func Open(ctx context.Context, location string) (*Archive, error) {
	return openAt(ctx, location, true)
}

// openAt opens the archive. If creates is true, a folder that is not there is made.
func openAt(ctx context.Context, location string, creates bool) (*Archive, error) {
	at, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be read: it must be like %s", schemes)
	}
	switch {
	case at.User != nil:
		return nil, fmt.Errorf("%s://: the URL must hold no credentials: %s", at.Scheme, credentials[at.Scheme])
	case at.Scheme == "file":
		return openFile(at, creates)
	case credentials[at.Scheme] == "" && !blob.DefaultURLMux().ValidBucketScheme(at.Scheme):
		return nil, fmt.Errorf("the URL's scheme is %q, and must be one of %s", at.Scheme, schemes)
	case at.Host == "" && credentials[at.Scheme] != "":
		return nil, fmt.Errorf("%s://: the URL names no bucket", at.Scheme)
	}
	opened, err := blob.OpenBucket(ctx, at.String())
	if err != nil {
		return nil, fmt.Errorf("%s://: %s; %s", at.Scheme, strings.ReplaceAll(err.Error(), at.String(), at.Scheme+"://…"), credentials[at.Scheme])
	}
	return newArchive(bucket{opened}), nil
}

func openFile(at *url.URL, creates bool) (*Archive, error) {
	switch {
	case at.Host != "" && at.Host != ".":
		return nil, errors.New("file://: the URL has three slashes before the folder: file:///folder, or file://./folder below the working folder")
	case at.RawQuery != "":
		return nil, errors.New("file://: the URL takes no parameters")
	}
	root := at.Path
	if at.Host == "." || filepath.Separator != '/' {
		root = strings.TrimPrefix(root, "/")
	}
	if root == "" {
		return nil, errors.New("file://: the URL names no folder: file:///folder")
	}
	opened, err := openFolder(filepath.FromSlash(root), creates)
	if err != nil {
		return nil, fmt.Errorf("file://: %w", err)
	}
	return newArchive(opened), nil
}
