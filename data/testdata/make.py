"""Writes the files of this folder, as users' programs write them:

    pip install numpy scipy pillow
    python make.py

What each file holds is a formula, which the tests compute again."""
import io
import numpy, scipy, scipy.io, PIL
from PIL import Image

print("numpy", numpy.__version__, "scipy", scipy.__version__, "pillow", PIL.__version__)

# SVHN: X is 32×32×3×N, y N×1 with 10 for the digit 0.
r, c, ch, n = numpy.meshgrid(range(32), range(32), range(3), range(3), indexing="ij")
X = ((3 * r + 5 * c + 70 * ch + 11 * n) % 256).astype("uint8")
y = numpy.array([[10], [1], [9]], "uint8")
scipy.io.savemat("svhn.mat", {"note": "not wanted", "X": X, "y": y}, do_compression=True)
scipy.io.savemat("svhn-plain.mat", {"X": X, "table": numpy.eye(5), "y": y}, do_compression=False)

# Images as arrays.
i, r, c, ch = numpy.meshgrid(range(6), range(4), range(5), range(3), indexing="ij")
images = ((7 * i + 3 * r + 5 * c + 70 * ch) % 256).astype("uint8")
labels = numpy.array([0, 1, 2, 0, 1, 2])
numpy.savez_compressed("images.npz", images=images, labels=labels, test_images=images[:2], test_labels=labels[:2])
numpy.savez("grey.npz", images=images[..., 0], labels=labels.astype("uint8"))

# One picture in each form; its colours change slowly, as a photograph's do.
r, c = numpy.meshgrid(range(32), range(32), indexing="ij")
rgb = numpy.stack([4 * r + 60, 5 * c + 40, 3 * r + 3 * c + 20], -1).astype("uint8")
rgb[8:20, 9:23] = (200, 30, 40)  # and has edges
photo = Image.fromarray(rgb)
photo.save("rgb.png")
photo.convert("L").save("grey.png")
photo.quantize(200).save("palette.png")
alpha = photo.convert("RGBA")
alpha.putalpha(Image.fromarray((8 * r).astype("uint8")))
alpha.save("alpha.png")
Image.fromarray((257 * rgb[..., 0].astype("uint16") - 3).astype("uint16")).save("grey16.png")
for name, options in {
    "rgb": dict(quality=95, subsampling=0), "chroma": dict(quality=90), "half": dict(quality=90, subsampling=1), "progressive": dict(quality=90, progressive=True),
}.items():
    photo.save(name + ".jpg", **options)
photo.convert("L").save("grey.jpg", quality=95)
photo.convert("CMYK").save("cmyk.jpg", quality=95)
# BMP, WebP without and with loss, at an odd size and with alpha, and orientations in EXIF data.
photo.save("rgb.bmp")
photo.convert("L").save("grey.bmp")
photo.save("lossless.webp", lossless=True)
photo.save("rgb.webp", quality=90)
odd = photo.crop((0, 0, 31, 29))
odd.save("odd.webp", quality=80)
alpha.save("alpha.webp", quality=90)
for i, name in [(1, "upright.jpg"), (6, "turned.jpg"), (3, "turned.png"), (8, "turned.webp")]:
    exif = Image.Exif()
    exif[0x0112] = i
    photo.save(name, exif=exif)
numpy.savez_compressed("odd.npz", images=numpy.asarray(Image.open("odd.webp").convert("RGB"))[None], labels=[0])
# The photograph at other sizes, by the filter of torchvision's Resize((side, side), antialias=True).
numpy.savez_compressed("resized.npz", **{f"side_{n}": numpy.asarray(odd.resize((n, n), Image.BILINEAR)) for n in (8, 20, 31, 50)},
                       **{f"grey_{n}": numpy.asarray(odd.convert("L").resize((n, n), Image.BILINEAR)) for n in (8, 50)})
numpy.savez_compressed("odd_source.npz", rgb=numpy.asarray(odd), grey=numpy.asarray(odd.convert("L")))
# What Pillow, and so PyTorch's users, make of them.
names = ["rgb.png", "grey.png", "palette.png", "alpha.png", "rgb.jpg", "chroma.jpg", "half.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg",
         "rgb.bmp", "grey.bmp", "lossless.webp", "rgb.webp", "alpha.webp"]
numpy.savez_compressed("pillow.npz", labels=numpy.arange(len(names)), images=numpy.stack([numpy.asarray(Image.open(f).convert("RGB")) for f in names]))
