# Masks that are missing, doubled, or belong to nothing.
cp -r "$S" C
rm C/ground_truth/dent/000_mask.png C/ground_truth/stain/000_mask.png
fleck eval "$M" C
echo "exit $?"
cp -r "$S" D
cp D/ground_truth/dent/000_mask.png D/ground_truth/dent/000.png
fleck eval "$M" D
echo "exit $?"
rm D/ground_truth/dent/000.png
cp D/ground_truth/dent/000_mask.png D/ground_truth/dent/077_mask.png
cp -r D/ground_truth/dent D/ground_truth/rust
fleck eval "$M" D >/dev/null
echo "exit $?"
