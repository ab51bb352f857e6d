# SPDX-License-Identifier: Apache-2.0
# Paths as files, folders and standard input give the same scores; outputs keep their place below
# the shared folder.
fleck predict "$M" "$S/test" -o out --maps tiff >folder.txt
echo "exit $?"
find "$S/test" -name '*.png' | sort | fleck predict "$M" - >stdin.txt
echo "exit $?"
fleck predict "$M" "$S"/test/*/*.png --threads 1 >files.txt
echo "exit $?"
cmp folder.txt stdin.txt && cmp folder.txt files.txt && echo same
find out -type f | sort
fleck predict "$M" "$S/test/good/000.png" --json |
    sed 's/"score":[0-9.e-]*/"score":N/; s/"threshold":[0-9.e-]*/"threshold":N/'
fleck predict "$M" "$S/test/good/000.png" --threshold 0 | cut -f 3
fleck predict "$M" "$S/test/good/000.png" --threshold 1e9 | cut -f 3
