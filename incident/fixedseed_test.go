package incident_test

import _ "github.com/hospital-itsm/itsm/internal/fixedseed" // generated tests repeat themselves under CI
