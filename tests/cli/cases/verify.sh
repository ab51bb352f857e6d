# SPDX-License-Identifier: Apache-2.0
# A model scores as when it was fitted, by either engine; one whose state was changed does not.
fleck verify "$M" --tolerance 0 | sed 's/difference .*/difference D/'
echo "exit $?"
fleck verify "$M" --engine reference --tolerance 1e-4 | sed 's/difference .*/difference D/'
fleck info "$M" --json | grep '"method"\|"backbone"\|"precision"\|"images"\|"resize"'
